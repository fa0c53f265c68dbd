#include "loaders/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "loaders/error.h"

namespace posy {

MappedFile::MappedFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw InputError(path + ": " + std::strerror(errno));
  struct stat status = {};
  const bool is_regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  if (is_regular && status.st_size > 0) {
    void* data = ::mmap(nullptr, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data != MAP_FAILED) {
      data_ = (const uint8_t*)data;
      size_ = (size_t)status.st_size;
    }
  }
  const int error = errno;
  ::close(file);
  if (!is_regular) throw InputError(path + ": not a regular file");
  if (!data_) throw InputError(path + ": " + (status.st_size == 0 ? "the file is empty" : std::strerror(error)));
}

MappedFile::~MappedFile() {
  if (data_) ::munmap((void*)data_, size_);
}

}  // namespace posy
