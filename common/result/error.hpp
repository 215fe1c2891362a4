// Errors as values: a code of the domain that found it, and a message an operator can act on.
//
//   Result<Msat> amount = Msat::parse("10sat");
//   if (!amount) log(amount.error().message);      // what was wrong, where, what would be right
//
// A domain declares `enum class Errc` and specialises `ErrcText<Errc>` with its name and one sentence a value;
// `fail(Errc::x, "detail")` then makes the Error. A message never holds a secret.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

struct Error {
    boost::system::error_code code;
    std::string message;
};

template <class T = void>
using Result = boost::system::result<T, Error>;

// Thrown by Result::value() on an error: only for places where the error was excluded before, and in tests.
class ResultError : public std::runtime_error {
  public:
    explicit ResultError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
    [[nodiscard]] const Error& error() const { return error_; }

  private:
    Error error_;
};

// Found by argument-dependent look-up from boost::system::result::value().
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw ResultError(error);
}

// Specialise for each domain: `static constexpr const char* domain` and `static const char* text(Errc)`.
template <class Errc>
struct ErrcText;

template <class Errc>
class DomainCategory final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return ErrcText<Errc>::domain; }
    [[nodiscard]] std::string message(int value) const override {
        return ErrcText<Errc>::text(static_cast<Errc>(value));
    }

    static const DomainCategory& instance() {
        static const DomainCategory category;
        return category;
    }
};

template <class Errc>
[[nodiscard]] boost::system::error_code to_error_code(Errc errc) {
    return {static_cast<int>(errc), DomainCategory<Errc>::instance()};
}

// The domain's sentence for `errc`, followed by `detail` where there is one.
template <class Errc>
[[nodiscard]] Error fail(Errc errc, std::string_view detail = {}) {
    std::string message = ErrcText<Errc>::text(errc);
    if (!detail.empty()) {
        message += ": ";
        message += detail;
    }
    return {to_error_code(errc), std::move(message)};
}

template <class Errc>
[[nodiscard]] bool is(const Error& error, Errc errc) {
    return error.code == to_error_code(errc);
}

}  // namespace millrace
