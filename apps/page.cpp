#include "apps/page.h"

#include <cstdio>

namespace posy {

std::string page_head(const std::string& title, const std::string& style) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html_text(title) + "</title>\n<style>\n" + style + "</style>\n</head>\n";
}

std::string html_page(const std::string& title, const std::string& style, const std::string& body) {
  return page_head(title, kPageStyle + style) + "<body>\n<main>\n" + body + "</main>\n</body>\n</html>\n";
}

std::string html_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    const bool plain = (unsigned char)c >= 0x20 || c == '\n';  // no other control character may stand in a page
    safe += c == '&'   ? "&amp;"
            : c == '<' ? "&lt;"
            : c == '>' ? "&gt;"
            : c == '"' ? "&quot;"
                       : std::string(1, plain ? c : '?');
  }
  return safe;
}

std::string short_number(double x) {
  const double size = x < 0 ? -x : x;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3, x);
  if (size > 0 && size < 0.0995) std::snprintf(text, sizeof text, "%.*f", size >= 0.00995 ? 4 : 5, x);
  return text;
}

std::string breakable(const std::string& name) {
  std::string html;
  for (const char c : html_text(name)) html += c == '/' ? "/<wbr>" : std::string(1, c);
  return html;
}

std::string percent_text(double fraction, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f%%", decimals, 100 * fraction);
  return text;
}

std::string file_name(const std::string& path) {
  const size_t slash = path.rfind('/', path.size() < 2 ? 0 : path.size() - 2);
  return path.substr(slash == std::string::npos ? 0 : slash + 1);
}

}  // namespace posy
