// A program of the build: reads a document on standard input and writes it with its commands filled in
// (service/operations/documents.hpp).
//
//   write-commands manual < man/millrace-ctl.1.in > millrace-ctl.1
//   write-commands completion < service/ctl/completions/millrace-ctl.bash.in > millrace-ctl
#include <iostream>
#include <iterator>

#include "service/operations/documents.hpp"

int main(int argc, char* argv[]) {
    using namespace millrace::operations;
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what != "manual" && what != "completion") {
        std::cerr << "usage: write-commands manual|completion < DOCUMENT\n";
        return 2;
    }
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    std::cout << fill_in(text, what == "manual" ? manual_items(all()) : completion_arrays(all()));
    return std::cout.flush() ? 0 : 1;
}
