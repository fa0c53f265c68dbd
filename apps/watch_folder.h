// Photos as they appear in a folder.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace posy {

struct WatchOptions {
  bool once = false;     // return when all that is there is done
  uint32_t poll_ms = 0;  // look again so often; 0: as soon as the system says that a file is whole, where it does
};

// Calls `photo` with the path of every photo in `folder`, by its name (.jpg, .png ...; not in folders below, not
// hidden): those that are there in the order of their names, then each as it appears or changes. A file that is still
// being written is left until it is whole: closed, renamed into place, or unchanged for a while. Returns after SIGINT
// or SIGTERM, when `photo` returns false, or with options.once. Throws InputError if the folder cannot be read, or goes
// away.
void watch_folder(const std::string& folder, const WatchOptions& options,
                  const std::function<bool(const std::string& path)>& photo);

}  // namespace posy
