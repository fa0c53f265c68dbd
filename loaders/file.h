// Whole files in and out, with errors that name the path and the cause.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posy {

// All bytes of `path` ("-" is standard input). Throws InputError: missing, a directory, unreadable, larger than
// max_bytes.
std::vector<uint8_t> read_file(const std::string& path, uint64_t max_bytes = 1ull << 31);

// Writes beside `path` under a temporary name, flushes to disk, then renames: a reader sees the old file or the new
// one, never a part. On any failure (also a full disk) the temporary file is removed and InputError thrown. "-" is
// standard output.
void write_file(const std::string& path, std::span<const uint8_t> bytes);

void write_text(const std::string& path, std::string_view text);

// Gzip (RFC 1952), told apart by its magic. max_bytes bounds what comes out: a bomb is refused. Throws InputError that
// names `name`; the CRC and the length in the trailer are checked.
bool is_gzip(std::span<const uint8_t> bytes);
std::vector<uint8_t> gunzip(std::span<const uint8_t> bytes, const std::string& name, uint64_t max_bytes = 1ull << 31);

// For the message about a file that is no graph: what it is by its content, with the article ("an HTML page"), and what
// to do instead. Both are empty when nothing is recognised.
struct FileKind {
  std::string what;
  std::string advice;
};
FileKind file_kind(std::span<const uint8_t> bytes);

}  // namespace posy
