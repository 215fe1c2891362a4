// millrace-get: fetches a URL that is sold over L402.
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "contrib/client/session.hpp"

namespace {

using namespace millrace;
using namespace millrace::client;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

TimePoint system_now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// Closed ones would be given to the next file or socket, which then got what is meant for them.
void reserve_standard_descriptors() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(descriptor, F_GETFD) >= 0) continue;
        // Standard output for reading only: that it cannot be written to is found out before anything is paid.
        const int flags = descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY;
        if (::open("/dev/null", flags) < 0) std::abort();
    }
}

int fetch(const Options& options) {
    auto target = parse_target(options.url);
    if (!target) {
        std::cerr << "millrace-get: " << target.error().message << '\n';
        return static_cast<int>(Exit::usage);
    }
    auto output = Output::open(options.output);
    if (!output) {
        std::cerr << "millrace-get: " << output.error().message << '\n';
        return static_cast<int>(Exit::output_failed);
    }
    auto store = TokenStore::open(options.directory);
    if (!store) {
        std::cerr << "millrace-get: " << store.error().message << '\n';
        return static_cast<int>(Exit::store_failed);
    }
    SessionParts parts{options, *target, std::move(*output), std::move(*store), system_now, std::cerr};
    boost::asio::io_context context(1);
    Exit exit = Exit::internal;
    boost::asio::co_spawn(context, run(std::move(parts)), [&exit](const std::exception_ptr& thrown, Exit result) {
        if (thrown) std::rethrow_exception(thrown);
        exit = result;
    });
    context.run();
    return static_cast<int>(exit);
}

}  // namespace

int main(int argc, char* argv[]) {
    reserve_standard_descriptors();
    try {
        const Environment environment{variable("HOME"), variable("XDG_DATA_HOME")};
        const auto parsed = parse_options({argv + 1, argv + argc}, environment);
        if (const auto* stop = std::get_if<Stop>(&parsed)) {
            (stop->exit == Exit::ok ? std::cout : std::cerr) << stop->text;
            return static_cast<int>(stop->exit);
        }
        return fetch(std::get<Options>(parsed));
    } catch (const std::exception& error) {
        std::cerr << "millrace-get: " << error.what() << '\n';
        return static_cast<int>(Exit::internal);
    }
}
