// The parts of millrace-ctl's manual page and of its bash completion that are made of the rows. The build puts them in
// place of a line "@commands@" of man/millrace-ctl.1.in and service/ctl/completions/millrace-ctl.bash.in.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "service/operations/operation.hpp"

namespace millrace::operations {

// An item of a mdoc list for each command: its arguments, and what the manual says.
//
//   .It Cm token revoke Ar hash Op Fl Fl reason Ar text
//   Refuse the tokens of a payment ...
[[nodiscard]] std::string manual_items(std::span<const Operation> rows);

// Associative arrays of bash:
//
//   _millrace_ctl_words   what may follow a command or, under "-", the program: ['token revoke']='--reason'
//   _millrace_ctl_values  words that an option takes; empty where it takes any: [--period]='hour day'
//   _millrace_ctl_files   commands that take a file: ['service add']=1
[[nodiscard]] std::string completion_arrays(std::span<const Operation> rows);

// `text` with `made` in place of its line "@commands@"; unchanged where it has none.
[[nodiscard]] std::string fill_in(std::string text, std::string_view made);

}  // namespace millrace::operations
