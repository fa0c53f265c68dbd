#include "apps/page.h"

#include "apps/bench_report.h"

namespace posy {

std::string html_page(const std::string& title, const std::string& style, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html_text(title) + "</title>\n<style>" + kPageStyle + style + "</style>\n<main>\n" + body +
         "</main>\n</html>\n";
}

}  // namespace posy
