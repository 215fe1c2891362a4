// millrace-ctl: the admin API of millraced from the terminal.
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <exception>
#include <iostream>

#include "service/ctl/mcp.hpp"
#include "service/ctl/options.hpp"
#include "service/ctl/table.hpp"

namespace {

using namespace millrace::ctl;

// The detail of a problem document, and else what the status says.
std::string detail_of(const Reply& reply) {
    boost::system::error_code bad;
    boost::json::value document = boost::json::parse(reply.body, bad);
    const boost::json::value* detail =
        !bad && document.is_object() ? document.get_object().if_contains("detail") : nullptr;
    std::string status = std::to_string(reply.status);
    return detail && detail->is_string() ? status + ": " + std::string(detail->get_string()) : status;
}

int show(const Options& options, const Reply& reply) {
    Exit exit = exit_of(reply.status);
    if (exit != Exit::good) {
        std::cerr << "millrace-ctl: " << detail_of(reply) << '\n';
        return static_cast<int>(exit);
    }
    bool document = reply.type.starts_with("application/json");
    if (options.json || !document || ::isatty(STDOUT_FILENO) == 0) {
        std::cout << reply.body;
    } else {
        boost::system::error_code bad;
        boost::json::value answer = boost::json::parse(reply.body, bad);
        if (bad || !answer.is_object()) {
            std::cerr << "millrace-ctl: what answers there is no admin API of millraced\n";
            return static_cast<int>(Exit::server);
        }
        std::cout << to_text(answer.get_object(), options.operation->view);
    }
    std::cout.flush();
    return std::cout.good() ? 0 : static_cast<int>(Exit::internal);
}

// One request and one answer a line, until standard input ends.
int serve_tools(const Options& options) {
    Mcp mcp([&options](const Operation& operation, const Request& request) -> millrace::Result<Reply> {
        if (options.dry_run && operation.changes())
            return Reply{200, "text/plain", "Not done, this is a dry run: " + written(options.place, request)};
        return ask(options.place, request);
    });
    for (std::string line; std::getline(std::cin, line);) {
        if (auto answer = mcp.answer(line)) std::cout << *answer << std::endl;
    }
    return std::cout.good() ? 0 : static_cast<int>(Exit::internal);
}

int act(const Options& options) {
    if (!options.operation) return serve_tools(options);
    Request request = make_request(*options.operation, options.values);
    if (options.dry_run && !options.operation->tries()) {
        std::cout << written(options.place, request);
        return 0;
    }
    auto reply = ask(options.place, request);
    if (reply) return show(options, *reply);
    std::cerr << "millrace-ctl: " << reply.error().message << '\n';
    return static_cast<int>(Exit::unreachable);
}

}  // namespace

int main(int argc, char* argv[]) {
    try {
        auto parsed = parse_options({argv + 1, argv + argc});
        if (const auto* stop = std::get_if<Stop>(&parsed)) {
            (stop->exit == Exit::good ? std::cout : std::cerr) << stop->text;
            return static_cast<int>(stop->exit);
        }
        return act(std::get<Options>(parsed));
    } catch (const std::exception& error) {
        std::cerr << "millrace-ctl: " << error.what() << '\n';
        return static_cast<int>(Exit::internal);
    }
}
