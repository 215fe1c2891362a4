#include "service/async/spawn.hpp"

#include "service/log/log.hpp"

namespace millrace::async {

void log_exception(std::string_view whose, const std::exception_ptr& thrown) {
    if (!thrown) return;
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        log::error("{} ended by an exception: {}", whose, error.what());
    } catch (...) {
        log::error("{} ended by an exception", whose);
    }
}

void run_event_loop(boost::asio::io_context& context, std::string_view name) {
    for (;;) {
        try {
            context.run();
            return;
        } catch (...) {
            log_exception(name, std::current_exception());
        }
    }
}

}  // namespace millrace::async
