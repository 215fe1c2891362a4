// Where the response goes: standard output, or a file that is opened before anything is asked for, so that nothing is
// paid for a response that has no place to go.
//
//   Result<Output> output = Output::open("today.json");   // a file that exists keeps its contents until start()
//   output->start();
//   output->write(piece);                                  // false: finish() says why
//   output->finish();                                      // on the disk, where it is a file
//
// A file that open() made and that nothing was written to is removed again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result/error.hpp"

namespace millrace::client {

enum class OutputErrc {
    unusable = 1,  // cannot be opened or written
};

class Output {
  public:
    // `path`: a file; empty or "-": standard output. Errors: unusable.
    static Result<Output> open(const std::string& path);
    Output(Output&& other) noexcept;
    Output& operator=(Output&&) = delete;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output();

    // Empties a file that was there. Errors: unusable.
    [[nodiscard]] Result<void> start();

    // All of `piece`; false once something could not be written.
    bool write(std::string_view piece);

    // Errors: unusable, with what went wrong first.
    [[nodiscard]] Result<void> finish();

  private:
    Output(int descriptor, std::string name, bool file, bool made);
    void note_failure();

    int descriptor_;  // -1: moved from, or closed
    std::string name_;
    bool file_;  // a regular file
    bool made_;  // by open(), and not started yet
    bool ours_;  // to be closed
    std::optional<Error> failure_ = {};
};

}  // namespace millrace::client

namespace millrace {
template <>
struct ErrcText<client::OutputErrc> {
    static constexpr const char* domain = "millrace.client.output";
    static const char* text(client::OutputErrc errc);
};
}  // namespace millrace
