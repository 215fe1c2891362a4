#include "plugin/host/envelope.hpp"

#include <cstring>

namespace millrace::host {
namespace {

// A cursor over JSON text that knows just enough grammar to step over one value.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool take(char wanted) {
        skip_space();
        if (at_ >= text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    // The raw text of the next value; empty where there is none.
    std::string_view value() {
        skip_space();
        const std::size_t begin = at_;
        if (at_ >= text_.size()) return {};
        const char first = text_[at_];
        const bool whole = first == '"' ? skip_string() : first == '{' || first == '[' ? skip_nested() : skip_literal();
        return whole ? text_.substr(begin, at_ - begin) : std::string_view{};
    }

  private:
    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    bool skip_string() {
        ++at_;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (c == '\\') ++at_;
        }
        return false;
    }

    bool skip_nested() {
        std::size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                if (!skip_string()) return false;
                continue;
            }
            ++at_;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) return true;
        }
        return false;
    }

    bool skip_literal() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && std::strchr(",]} \t\r\n", text_[at_]) == nullptr) ++at_;
        return at_ > begin;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::optional<Envelope> scan_envelope(std::string_view message) {
    Scanner scanner(message);
    if (!scanner.take('{')) return std::nullopt;
    Envelope found;
    while (found.id.empty() || found.method.empty()) {
        const std::string_view key = scanner.value();
        if (key.size() < 2 || key.front() != '"' || !scanner.take(':')) break;
        const std::string_view value = scanner.value();
        if (value.empty()) break;
        if (key == "\"id\"") {
            found.id = value;
        } else if (key == "\"method\"" && value.size() > 2 && value.front() == '"') {
            found.method = value.substr(1, value.size() - 2);
        }
        if (!scanner.take(',')) break;
    }
    if (found.method.empty()) return std::nullopt;
    return found;
}

bool lacks_payment_secret(std::string_view message) {
    static constexpr std::string_view name = "\"payment_secret\"";
    return memmem(message.data(), message.size(), name.data(), name.size()) == nullptr;
}

}  // namespace millrace::host
