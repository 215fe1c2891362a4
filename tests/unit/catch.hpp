// Catch2, whichever major version the distribution has (2 on Debian 12, 3 on Debian 13).
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "common/result/error.hpp"

// A failed check on a Result prints its error. (Boost's own operator<< would need one for every value type.)
template <class T>
struct Catch::StringMaker<boost::system::result<T, millrace::Error>> {
    static std::string convert(const boost::system::result<T, millrace::Error>& result) {
        return result.has_value() ? "a value" : "the error \"" + result.error().message + '"';
    }
};
