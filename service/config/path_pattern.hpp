// Paths as a configuration names them.
//
//   pattern := path            what is exactly or partly a path, see covers()
//            | glob            with "*" in it; stands for whole paths
//   "*"  := any characters but "/"        "**" := any characters
//
//   "/v1/*/images" matches "/v1/cats/images", not "/v1/a/b/images"; "/v1/**" matches all below "/v1/"
//
// Patterns are compared with paths as paywall::RequestTarget has them: decoded, without dot segments.
#pragma once

#include <string>
#include <string_view>

#include "service/config/key.hpp"

namespace millrace::config {

// How the server behind a service reads a path: what makes no difference there makes none to the price.
struct PathRules {
    // A ";" and what follows it in a segment, as in "/a;v=1/b".
    enum class Parameters {
        refuse,  // nobody has said: 400 where the path without it is sold differently
        cut,     // left out, as servlet containers do
        keep,    // a character like any other
    };
    Parameters parameters = Parameters::refuse;
    bool fold_case = false;     // letters in any case are the same
    bool ignore_slash = false;  // "/a/" is "/a"
    bool operator==(const PathRules&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("parameters", &PathRules::parameters,
                  choice(Word<Parameters>{"refuse", Parameters::refuse}, Word<Parameters>{"cut", Parameters::cut},
                         Word<Parameters>{"keep", Parameters::keep}),
                  "and what follows it in a segment is."));
        visit(key("case", &PathRules::fold_case, either("keep", "fold"), "letters in any case are the same."));
        visit(key("slash", &PathRules::ignore_slash, either("keep", "ignore"),
                  "a slash at the end makes no difference."));
    }
};

// A path with its letters in lower case, those beyond ASCII included that become ASCII letters by it.
[[nodiscard]] std::string fold_path(std::string_view path);

class PathPattern {
  public:
    PathPattern() = default;  // stands for nothing, until there is a path
    explicit PathPattern(std::string text)
        : text_(std::move(text)), folded_(fold_path(text_)), glob_(text_.find('*') != std::string::npos) {}

    // As a service's path: "/a/" covers what lies below it, "/a" itself and what lies below it; a glob what it matches.
    // By rules with fold_case, `path` is one that fold_path() made.
    [[nodiscard]] bool covers(std::string_view path, const PathRules& rules = {}) const;
    // As one of a list of paths: "/a/" stands for what lies below it, "/a" for itself alone; a glob for what it
    // matches.
    [[nodiscard]] bool names(std::string_view path, const PathRules& rules = {}) const;

    // The path below which all lies that is covered: "/v1/" of "/v1/*/images", "/a" of "/a".
    [[nodiscard]] std::string_view root() const;

    // Whether all that `later` covers is certain to be covered by this one: false where that takes comparing two globs.
    [[nodiscard]] bool hides(const PathPattern& later, const PathRules& rules = {}) const;

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool glob() const { return glob_; }
    bool operator==(const PathPattern&) const = default;

  private:
    std::string text_;
    std::string folded_;
    bool glob_ = false;
};

}  // namespace millrace::config
