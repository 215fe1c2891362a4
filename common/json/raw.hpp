// JSON as the bytes that came, where they must leave again as they were: the id of a call is matched by its bytes (quotes,
// escapes and all), and a number beyond the range of a double is no number any more once it was parsed.
//
//   Scanner scanner(R"({"id": 1e400, "method": "keys"})");
//   raw_member(text, "id")         // 1e400
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace millrace::json {

// A cursor over JSON text that knows just enough grammar to step over one value. It never reads outside of the text, whatever
// stands there; only of valid JSON are the values what a parser would find.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    // Steps over `wanted`, and over space in front of it; false, without a step, where something else comes next.
    bool take(char wanted);

    // The raw text of the next value; empty where there is none, or none that is whole.
    std::string_view value();

  private:
    void skip_space();
    bool skip_string();
    bool skip_nested();
    bool skip_literal();

    std::string_view text_;
    std::size_t at_ = 0;
};

// The raw text of a member of the object `text`, the last one where it is repeated, as a parser has it; empty where there is
// none. A name that is written with escapes is not found.
[[nodiscard]] std::optional<std::string_view> raw_member(std::string_view text, std::string_view name);

}  // namespace millrace::json
