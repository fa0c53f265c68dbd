#include "apps/watch_folder.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "apps/session.h"
#include "loaders/error.h"
#include "loaders/network_runner.h"
#ifdef __linux__
#include <sys/inotify.h>
#endif

namespace posy {
namespace {

constexpr uint32_t kPollMs = 250;  // where nobody tells
// A file that nobody has called whole is taken for it when it has not changed for so long: shorter where nobody ever
// will, but for empty ones, which many programs make first.
constexpr double kStillMs = 500, kStillAndEmptyMs = 2000;
constexpr time_t kOldSeconds = 2;  // or when it was last changed so long ago
constexpr const char* kGone = ": the folder is gone; nothing is left to watch";

// SIGINT and SIGTERM become a byte in a pipe, so that waiting for files and for the end is one poll().
int stop_pipe[2] = {-1, -1};

void ask_to_stop(int) {
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(stop_pipe[1], "", 1);  // full: it holds what is needed already
  errno = error;
}

class StopSignals {
 public:
  StopSignals() {
    if (::pipe(stop_pipe) != 0) throw InputError(std::string("no pipe for signals: ") + std::strerror(errno));
    for (const int end : stop_pipe) {
      ::fcntl(end, F_SETFL, O_NONBLOCK);
      ::fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    struct sigaction action = {};
    action.sa_handler = ask_to_stop;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;  // a photo that is being read is read to its end
    ::sigaction(SIGINT, &action, &before_[0]);
    ::sigaction(SIGTERM, &action, &before_[1]);
  }
  ~StopSignals() {
    ::sigaction(SIGINT, &before_[0], nullptr);
    ::sigaction(SIGTERM, &before_[1], nullptr);
    for (const int end : stop_pipe) ::close(end);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool came() const {
    pollfd wait = {stop_pipe[0], POLLIN, 0};
    return ::poll(&wait, 1, 0) > 0;
  }

 private:
  struct sigaction before_[2];
};

// Names that the system tells of. Without inotify, or where it has no watches left, works() is false.
class FolderEvents {
 public:
  struct News {
    std::set<std::string> written;  // closed after writing, or renamed into place
    std::set<std::string> created;
    bool lost_some = false, folder_gone = false;
  };

#ifdef __linux__
  explicit FolderEvents(const std::string& folder) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    if (fd_ >= 0 && ::inotify_add_watch(fd_, folder.c_str(), kEvents) < 0) close();
  }
  ~FolderEvents() {
    close();
  }

  News read() {
    News news;
    alignas(inotify_event) std::array<char, 16384> buffer;
    for (ssize_t bytes; (bytes = ::read(fd_, buffer.data(), buffer.size())) > 0;) {
      for (ssize_t at = 0; at < bytes;) {
        const inotify_event* event = (const inotify_event*)(buffer.data() + at);
        note(*event, &news);
        at += (ssize_t)sizeof(inotify_event) + event->len;
      }
    }
    return news;
  }
#else
  explicit FolderEvents(const std::string&) {}
  News read() {
    return {};
  }
#endif
  FolderEvents(const FolderEvents&) = delete;
  FolderEvents& operator=(const FolderEvents&) = delete;

  bool works() const {
    return fd_ >= 0;
  }
  int fd() const {
    return fd_;
  }

 private:
#ifdef __linux__
  static void note(const inotify_event& event, News* news) {
    if (event.mask & IN_Q_OVERFLOW) news->lost_some = true;
    if (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) news->folder_gone = true;
    if (event.len == 0) return;
    (event.mask & IN_CREATE ? news->created : news->written).insert(event.name);
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
#endif
  int fd_ = -1;
};

// What tells two contents of a file apart.
struct Signature {
  uint64_t bytes = 0;
  int64_t seconds = 0, nanoseconds = 0;
  uint64_t inode = 0;
  bool operator==(const Signature&) const = default;
};

std::optional<Signature> signature_of(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return Signature{(uint64_t)status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, (uint64_t)status.st_ino};
}

class Watch {
 public:
  Watch(const std::string& folder, const WatchOptions& options, std::function<bool(const std::string&)> photo)
      : folder_(folder), options_(options), photo_(std::move(photo)) {
    if (options.poll_ms == 0) events_.emplace(folder);  // before the first look, so that nothing falls between
    tells_ = events_ && events_->works();
  }

  void run() {
    list_folder();
    if (!options_.once) std::fprintf(stderr, "%s: labels photos as they come; Ctrl-C ends it\n", folder_.c_str());
    while (label_what_is_whole()) {
      if (options_.once && pending_.empty()) return;
      wait();
    }
  }

 private:
  // A file that is there, and may be incomplete.
  struct Pending {
    Signature signature;
    double since_ms;
    bool is_whole;
  };

  std::string path_of(const std::string& name) const { return (std::filesystem::path(folder_) / name).string(); }

  void list_folder() {
    std::set<std::string> names = pending_names();  // also of files that are gone
    std::error_code error;
    std::filesystem::directory_iterator at(folder_, error), end;
    for (; !error && at != end; at.increment(error)) names.insert(at->path().filename().string());
    if (error) throw InputError(folder_ + ": cannot be read as a folder of photos: " + error.message());
    for (const std::string& name : names) notice(name, false);
  }

  std::set<std::string> pending_names() const {
    std::set<std::string> names;
    for (const auto& [name, file] : pending_) names.insert(name);
    return names;
  }

  void notice(const std::string& name, bool is_whole) {
    if (name[0] == '.' || !is_photo_name(name)) return;
    const std::optional<Signature> signature = signature_of(path_of(name));
    const auto done = done_.find(name);
    if (!signature || (done != done_.end() && done->second == *signature)) {
      if (!signature) done_.erase(name);
      pending_.erase(name);
      return;
    }
    const auto [found, is_new] = pending_.try_emplace(name, Pending{*signature, now_ms(), false});
    Pending& file = found->second;
    if (file.signature != *signature) file = {*signature, now_ms(), false};
    const bool is_old = signature->seconds + kOldSeconds <= std::time(nullptr);
    const double still_ms = tells_ || signature->bytes == 0 ? kStillAndEmptyMs : kStillMs;
    const bool is_still = now_ms() - file.since_ms >= still_ms;
    file.is_whole = is_whole || is_old || is_still;
  }

  // False: it is time to end.
  bool label_what_is_whole() {
    std::vector<std::string> whole;
    for (const auto& [name, file] : pending_) {
      if (file.is_whole) whole.push_back(name);
    }
    for (const std::string& name : whole) {
      if (signals_.came()) return false;
      done_[name] = pending_.at(name).signature;
      pending_.erase(name);
      if (!photo_(path_of(name))) return false;
    }
    return !signals_.came();
  }

  void wait() {
    const int often = (int)(options_.poll_ms ? options_.poll_ms : kPollMs);
    pollfd waits[2] = {{stop_pipe[0], POLLIN, 0}, {tells_ ? events_->fd() : -1, POLLIN, 0}};
    ::poll(waits, 2, tells_ && pending_.empty() ? -1 : often);
    if (!tells_) return list_folder();
    const FolderEvents::News news = events_->read();
    if (news.folder_gone) throw InputError(folder_ + kGone);
    if (news.lost_some) list_folder();
    std::set<std::string> names = pending_names();
    names.insert(news.created.begin(), news.created.end());
    for (const std::string& name : names) notice(name, false);
    for (const std::string& name : news.written) notice(name, true);
  }

  StopSignals signals_;
  std::string folder_;
  WatchOptions options_;
  std::function<bool(const std::string&)> photo_;
  std::optional<FolderEvents> events_;
  bool tells_ = false;
  std::map<std::string, Pending> pending_;
  std::map<std::string, Signature> done_;
};

}  // namespace

void watch_folder(const std::string& folder, const WatchOptions& options,
                  const std::function<bool(const std::string& path)>& photo) {
  Watch(folder, options, photo).run();
}

}  // namespace posy
