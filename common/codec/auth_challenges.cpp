#include "common/codec/auth_challenges.hpp"

#include <algorithm>
#include <optional>

#include "common/codec/ascii.hpp"

namespace millrace::codec {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

// Reads one header value word by word.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    void skip_separators() {
        while (!rest_.empty() && (is_space(rest_.front()) || rest_.front() == ',')) rest_.remove_prefix(1);
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    // A scheme, or the name of a parameter; empty where neither stands here.
    std::string_view word() {
        std::size_t end = 0;
        while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != ',' && rest_[end] != '=' &&
               rest_[end] != '"')
            ++end;
        return take(end);
    }

    // "=", with or without space around it.
    bool equals_sign() {
        const std::string_view before = rest_;
        skip_space();
        if (!rest_.starts_with('=')) {
            rest_ = before;
            return false;
        }
        rest_.remove_prefix(1);
        skip_space();
        return true;
    }

    // A token or a quoted string; empty where the quotes are not closed.
    std::optional<std::string> value() {
        if (!rest_.starts_with('"')) {
            std::size_t end = 0;
            while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != ',') ++end;
            return std::string(take(end));
        }
        rest_.remove_prefix(1);
        std::string out;
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
            out += take(1);
        }
        if (rest_.empty()) return std::nullopt;
        rest_.remove_prefix(1);
        return out;
    }

    void skip_one() { rest_.remove_prefix(1); }

  private:
    void skip_space() {
        while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    }
    std::string_view take(std::size_t count) {
        const std::string_view out = rest_.substr(0, count);
        rest_.remove_prefix(out.size());
        return out;
    }

    std::string_view rest_;
};

void read_value(std::string_view text, std::vector<AuthChallenge>& out) {
    Reader in(text);
    bool within = false;  // a challenge that began in this value
    while (true) {
        in.skip_separators();
        if (in.at_end()) return;
        const std::string_view word = in.word();
        if (word.empty()) {
            in.skip_one();
            continue;
        }
        if (!in.equals_sign()) {
            out.push_back({std::string(word), {}});
            within = true;
            continue;
        }
        std::optional<std::string> value = in.value();
        if (!value) return;  // cut off: what is missing is not guessed
        if (within) out.back().parameters.emplace_back(std::string(word), std::move(*value));
    }
}

}  // namespace

bool AuthChallenge::is(std::string_view name) const {
    return iequals(scheme, name);
}

std::string_view AuthChallenge::first(std::string_view name) const {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& parameter) { return iequals(parameter.first, name); });
    return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<AuthChallenge> parse_auth_challenges(std::span<const std::string> www_authenticate) {
    std::vector<AuthChallenge> out;
    for (const std::string& value : www_authenticate) read_value(value, out);
    return out;
}

}  // namespace millrace::codec
