// Golden files: what was made is compared with what was made before, line by line. To write them anew, set
// MILLRACE_WRITE_GOLDEN.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace golden {

inline std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The first line of `made` that is another one in the golden file; empty where they are the same.
inline std::string difference(const std::string& made, const std::string& file) {
    if (std::getenv("MILLRACE_WRITE_GOLDEN")) std::ofstream(file, std::ios::binary) << made;
    std::istringstream ours(made);
    std::istringstream theirs(content(file));
    std::string our;
    std::string their;
    for (;;) {
        const bool more = static_cast<bool>(std::getline(ours, our));
        if (more != static_cast<bool>(std::getline(theirs, their))) return more ? our : their + " is missing";
        if (!more) return {};
        if (our != their) return our + "\nwas: " + their;
    }
}

}  // namespace golden
