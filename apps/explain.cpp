// posy explain: where in the photo a score comes from.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "apps/commands.h"
#include "apps/json.h"
#include "apps/outputs.h"
#include "apps/progress.h"
#include "apps/session.h"
#include "loaders/activation_map.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/head.h"
#include "loaders/labels.h"
#include "loaders/occlusion_map.h"
#include "loaders/write_png.h"

namespace posy {
namespace {

constexpr uint32_t kRuns = 225;               // of an occlusion map: 15 x 15 cells
constexpr uint64_t kMostPixels = 1ull << 28;  // of a PNG

struct Explanation {
  posy_score score;
  HeatMap map;  // as the photo is stored
  std::optional<ActivationMap> activation;
  std::optional<OcclusionMap> occlusion;
};

// ---- What was asked for ----

struct ExplainOptions {
  std::string model, photo, output;
  std::optional<std::string> wanted_class;
  bool occlusion = false, json = false;
  uint32_t runs = kRuns;
  ImageLimits limits;
};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return (char)std::tolower(c); });
  return text;
}

ExplainOptions explain_options(const Args& args) {
  ExplainOptions options;
  if (args.words().size() != 2) throw UsageError("explain takes a model and an image");
  options.model = args.words()[0];
  options.photo = args.words()[1];
  const std::optional<std::string> output = args.text("output");
  if (!output) throw UsageError("explain needs -o FILE.png: where to write the picture");
  options.output = *output;
  if (lower_case(std::filesystem::path(*output).extension().string()) != ".png" && *output != "-")
    throw UsageError("explain writes PNG: the output has to end in .png, and " + *output + " does not");
  if (args.has("json") && *output == "-") throw UsageError("--json and the picture cannot both go to standard output");
  check_outputs(args, {"output"});
  options.wanted_class = args.text("class");
  options.occlusion = args.has("occlusion");
  options.json = args.has("json");
  options.runs = args.number("runs", 1, 100000).value_or(kRuns);
  options.limits = image_limits(args);
  options.limits.max_pixels = std::min(options.limits.max_pixels, kMostPixels);
  return options;
}

// The classes of which `wanted` is one of the names.
std::vector<uint32_t> classes_called(const std::vector<std::string>& labels, const std::string& wanted) {
  std::vector<uint32_t> found;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::vector<std::string> names = names_in_label(labels[i]).names;
    const auto is_wanted = [&](const std::string& name) { return lower_case(name) == lower_case(wanted); };
    if (std::any_of(names.begin(), names.end(), is_wanted)) found.push_back((uint32_t)i);
  }
  return found;
}

// By its label, else by its number, else by one of its names if no other class has it.
uint32_t class_index(const Session& session, const std::string& model, const std::string& wanted) {
  const uint32_t classes = session.model().output().c;
  const std::vector<std::string> labels = labels_of(session.model());
  const auto found = std::find(labels.begin(), labels.end(), wanted);
  if (found != labels.end()) return (uint32_t)(found - labels.begin());
  uint32_t index = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  if (error == std::errc() && end == wanted.data() + wanted.size() && index < classes) return index;
  const std::vector<uint32_t> called = classes_called(labels, wanted);
  if (called.size() == 1) return called[0];
  if (called.size() > 1) {
    throw InputError(model + ": several classes are called '" + wanted + "'; name the one by its number: " +
                     std::to_string(called[0]) + " is " + printable_name(labels[called[0]]) + ", " +
                     std::to_string(called[1]) + " is " + printable_name(labels[called[1]]));
  }
  const std::string closest = closest_name(labels, wanted);
  throw InputError(model + ": there is no class '" + wanted + "'; " +
                   (closest.empty() ? "" : "did you mean '" + printable_name(closest) + "'? ") +
                   "--class takes one of " + std::to_string(classes) +
                   (labels.empty() ? " numbers, from 0 on" : " labels, or its number") + " (posy info lists them)");
}

// ---- The map ----

class Explainer {
 public:
  Explainer(Session* session, const ExplainOptions& options) : session_(*session), options_(options) {}

  Explanation explain(const Image& photo) {
    Explanation result = {};
    std::string why;
    std::optional<PooledHead> head;
    if (!options_.occlusion) head = PooledHead::find(session_.model(), &why);
    session_.set_image(photo, options_.photo);
    if (head) {
      head->run(session_.engine());
    } else {
      session_.run();
    }
    result.score = wanted_score();
    if (head) {
      result.activation = head->map_of(result.score.class_index);
      result.map = result.activation->map;
    } else {
      tell_why(why);
      result.occlusion = occlusion(photo, result.score.class_index);
      result.map = result.occlusion->map;
    }
    return result;
  }

 private:
  posy_score wanted_score() {
    posy_score best = {};
    posy_top(session_.engine(), &best, 1);
    if (!options_.wanted_class) return best;
    const uint32_t index = class_index(session_, options_.model, *options_.wanted_class);
    return {index, posy_scores(session_.engine())[index]};
  }

  void tell_why(const std::string& why) const {
    if (why.empty()) return;
    std::fprintf(stderr, "%s: no class activation map: %s; parts of the photo are covered instead\n",
                 options_.model.c_str(), why.c_str());
  }

  OcclusionMap occlusion(const Image& photo, uint32_t index) {
    session_.set_image(photo, options_.photo);
    std::optional<Progress> progress;  // how many runs there are is known with the first
    return occlusion_map(session_.engine(), session_.model(), index, options_.runs, [&](uint32_t done, uint32_t all) {
      if (!progress) progress.emplace("covering parts", all);
      progress->show(done);
    });
  }

  Session& session_;
  const ExplainOptions& options_;
};

// ---- What is said ----

std::string method_name(const Explanation& explanation) {
  return explanation.activation ? "class activation map" : "occlusion map";
}

std::string map_text(const Explanation& explanation) {
  char text[256];
  const HeatMap& map = explanation.map;
  if (const auto& a = explanation.activation) {
    std::snprintf(text, sizeof text, "%u x %u cells; their mean %.4f and a bias of %.4f make the logit %.4f", map.h,
                  map.w, map.mean(), a->bias, map.mean() + a->bias);
    return text;
  }
  const OcclusionMap& o = *explanation.occlusion;
  std::snprintf(text, sizeof text, "%u x %u places of a gray patch of %u x %u pixels; the score falls to %.5f at least",
                map.h, map.w, o.patch_h, o.patch_w, (double)o.least_score);
  return text;
}

struct Place {
  double x, y;  // parts of the picture's sides
  uint32_t pixel_x, pixel_y;
};

Place place_of(const HeatMap& turned, const Image& picture) {
  const HeatPoint point = hottest(turned);
  return {point.x, point.y, (uint32_t)(point.x * picture.width), (uint32_t)(point.y * picture.height)};
}

void print_text(Session& session, const Explanation& explanation, const Place& place, const ExplainOptions& options) {
  std::FILE* const to = options.output == "-" ? stderr : stdout;
  std::fprintf(to, "%s (score=%.5f)\n", printable_name(session.label(explanation.score.class_index)).c_str(),
               (double)explanation.score.score);
  std::fprintf(to, "%s: %s\n", method_name(explanation).c_str(), map_text(explanation).c_str());
  if (explanation.map.greatest() > 0) {
    std::fprintf(to, "most at %.0f%% from the left and %.0f%% from the top (pixel %u, %u)\n", 100 * place.x,
                 100 * place.y, place.pixel_x, place.pixel_y);
  } else {
    std::fprintf(to, "no place of the photo speaks for this class\n");
  }
}

Json json_of(Session& session, const Explanation& explanation, const Place& place, const ExplainOptions& options,
             const HeatMap& turned) {
  const posy_score& score = explanation.score;
  Json json = {{"image", options.photo},
               {"output", options.output},
               {"label", json_label(posy_label(session.engine(), score.class_index), score.class_index)},
               {"index", score.class_index},
               {"score", json_float(score.score)},
               {"method", method_name(explanation)}};
  if (const auto& a = explanation.activation) {
    json["logit"] = json_float((float)a->logit);
    json["bias"] = json_float((float)a->bias);
  } else {
    json["least_score"] = json_float(explanation.occlusion->least_score);
    json["patch"] = {explanation.occlusion->patch_h, explanation.occlusion->patch_w};
  }
  json["most_at"] = {{"x", place.pixel_x}, {"y", place.pixel_y}};
  Json rows = Json::array();
  for (uint32_t y = 0; y < turned.h; ++y) {
    Json row = Json::array();
    for (uint32_t x = 0; x < turned.w; ++x) row.push_back(json_float(turned.at(y, x)));
    rows.push_back(std::move(row));
  }
  json["map"] = std::move(rows);
  return json;
}

int run(const Args& args) {
  const ExplainOptions options = explain_options(args);
  Session session(options.model, session_options(args));
  if (options.wanted_class) class_index(session, options.model, *options.wanted_class);  // before any work
  const Image photo = read_image(options.photo, options.limits);
  const Explanation explanation = Explainer(&session, options).explain(photo);
  // The model saw the photo as it is stored; people see it turned.
  const HeatMap turned = upright(explanation.map, photo.orientation);
  const Image picture = heat_picture(photo.orientation > 1 ? upright(photo) : photo, turned);
  write_file(options.output, png_of(picture));
  const Place place = place_of(turned, picture);
  if (options.json) {
    print_json(json_of(session, explanation, place, options, turned));
  } else {
    print_text(session, explanation, place, options);
  }
  return 0;
}

}  // namespace

const Command& explain_command() {
  static const Command command = {
      "explain",
      "posy explain MODEL IMAGE -o HEAT.png [flags]",
      "which places of a photo a score comes from, as colours over it",
      with_convert_flags({
          {"output", "FILE",
           "the PNG to write: dark violet where the photo says nothing for the class, yellow where most"},
          {"class", "NAME", "a label, a word of it, or its number (the best class)"},
          {"occlusion", nullptr, "cover one part of the photo after the other, also where an exact map can be had"},
          {"runs", "N", "at most so many parts (225)"},
          {"json", nullptr, "as JSON, with the map's numbers"},
          {"threads", "N", "threads of one inference (POSY_THREADS, else 1)"},
          {"max-megapixels", "N", "largest picture to decode, in millions of pixels (100)"},
      }),
      run,
      R"(  posy explain flowers.posy daisy.jpg -o heat.png
  posy explain flowers.posy bouquet.jpg -o roses.png --class roses

Where the last layer adds up what a pooled map says (MobileNet, Inception and most others), the picture is that sum
before it is added: exact. Elsewhere parts of the photo are covered, one after the other.
)",
  };
  return command;
}

}  // namespace posy
