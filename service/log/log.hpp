// What the operator reads on standard error, a line at a time:
//
//   log::warn("service {}: {} connections are open", name, count);
//
// {} stands for the next value: text, a whole number, or a double, which gets one decimal. A line with more or fewer {}
// than values does not compile. Any thread may write. spdlog does the writing, behind this header: a file that includes
// spdlog's own takes two seconds longer to compile.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace millrace::log {

enum class Level { debug, info, warn, error, critical };

// Lines go to standard error from now on, each with its time and level.
void open();
// "debug", "info", "warn" or "error": what is below is not written.
void set_level(const std::string& level);
[[nodiscard]] bool writes(Level level);

// Lives as long as what it is a view of.
class Value {
  public:
    Value(std::string_view text) : text_(text) {}
    Value(const std::string& text) : text_(text) {}
    Value(const char* text) : text_(text) {}
    template <std::signed_integral Number>
    Value(Number number) {
        put(static_cast<long long>(number));
    }
    template <std::unsigned_integral Number>
    Value(Number number) {
        put(static_cast<unsigned long long>(number));
    }
    Value(double number) { put(number); }
    Value(const Value&) = delete;
    Value& operator=(const Value&) = delete;

    [[nodiscard]] std::string_view text() const { return text_; }

  private:
    void put(long long number);
    void put(unsigned long long number);
    void put(double number);

    std::array<char, 32> digits_;
    std::string_view text_;
};

template <std::size_t count>
class Format {
  public:
    consteval Format(const char* text) : text_(text) {
        std::size_t places = 0;
        for (std::size_t at = text_.find_first_of("{}"); at != std::string_view::npos;
             at = text_.find_first_of("{}", at + 2)) {
            if (text_.substr(at, 2) != "{}") throw "a brace that is not of {}";
            ++places;
        }
        if (places != count) throw "as many {} as values";
    }
    [[nodiscard]] constexpr std::string_view text() const { return text_; }

  private:
    std::string_view text_;
};

// Each {} of the format with its value in place.
[[nodiscard]] std::string fill_in(std::string_view format, std::span<const Value> values);
void write(Level level, std::string_view format, std::span<const Value> values);

template <class... Values>
void write_values(Level level, std::string_view format, const Values&... values) {
    if (!writes(level)) return;
    const std::array<Value, sizeof...(Values)> list{Value(values)...};
    write(level, format, list);
}

template <class... Values>
using FormatFor = Format<sizeof...(Values)>;

template <class... Values>
void debug(std::type_identity_t<FormatFor<Values...>> format, const Values&... values) {
    write_values(Level::debug, format.text(), values...);
}
template <class... Values>
void info(std::type_identity_t<FormatFor<Values...>> format, const Values&... values) {
    write_values(Level::info, format.text(), values...);
}
template <class... Values>
void warn(std::type_identity_t<FormatFor<Values...>> format, const Values&... values) {
    write_values(Level::warn, format.text(), values...);
}
template <class... Values>
void error(std::type_identity_t<FormatFor<Values...>> format, const Values&... values) {
    write_values(Level::error, format.text(), values...);
}
template <class... Values>
void critical(std::type_identity_t<FormatFor<Values...>> format, const Values&... values) {
    write_values(Level::critical, format.text(), values...);
}

}  // namespace millrace::log
