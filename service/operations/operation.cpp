#include "service/operations/operation.hpp"

#include <algorithm>

namespace millrace::operations {

bool Operation::tries() const {
    return std::any_of(arguments.begin(), arguments.end(),
                       [](const Argument& one) { return one.name == dry_run_name; });
}

std::string Operation::tool() const {
    std::string out(command);
    std::replace(out.begin(), out.end(), ' ', '_');
    return out;
}

const Operation* find(std::string_view command) {
    const auto rows = all();
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const Operation& one) { return one.command == command; });
    return found == rows.end() ? nullptr : &*found;
}

std::string option_name(std::string_view argument) {
    std::string out(argument);
    std::replace(out.begin(), out.end(), '_', '-');
    return out;
}

}  // namespace millrace::operations
