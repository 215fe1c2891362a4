#pragma once

#include "common/result/error.hpp"

namespace millrace::config {

enum class Errc {
    unreadable = 1,  // the file cannot be opened or read
    bad_syntax,      // not TOML
    bad_value,       // a value that is missing, unknown, of the wrong type or out of range; or two that contradict
};

}  // namespace millrace::config

namespace millrace {
template <>
struct ErrcText<config::Errc> {
    static constexpr const char* domain = "millrace.config";
    static const char* text(config::Errc errc);
};
}  // namespace millrace
