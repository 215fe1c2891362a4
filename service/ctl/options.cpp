#include "service/ctl/options.hpp"

#include <CLI/CLI.hpp>
#include <map>

#include "service/config/header_value.hpp"
#include "service/config/section.hpp"
#include "service/ctl/definition.hpp"

namespace millrace::ctl {
namespace {

using operations::dry_run_name;
using operations::option_name;

constexpr const char* footer =
    R"(Answers are tables on a terminal and JSON otherwise, or with --json.

Exit status: 0 good; 1 internal error; 2 wrong usage; 3 no such thing; 4 refused; 5 millraced cannot be reached;
6 millraced could not do it.)";

Stop usage(const std::string& what) {
    return {Exit::usage, "millrace-ctl: " + what + "\nRun with --help for the commands.\n"};
}

// As the command line has it: "payment-hash", "--reason".
std::string argument_name(const Argument& argument) {
    if (argument.place == operations::Place::document) return "file";
    std::string name = option_name(argument.name);
    return argument.required ? name : "--" + name;
}

// Adds a command's arguments; what they are given is put into `texts`.
void add_arguments(CLI::App& command, const Operation& operation, std::map<std::string, std::string>& texts) {
    for (const Argument& argument : operation.arguments) {
        if (argument.name == dry_run_name) continue;  // an option of all commands
        auto* option =
            command.add_option(argument_name(argument), texts[std::string(argument.name)], std::string(argument.help));
        option->type_name(std::string(argument.type));
        if (argument.required) option->required();
    }
}

}  // namespace

Exit exit_of(unsigned status) {
    if (status >= 200 && status < 300) return Exit::good;
    if (status == 404) return Exit::not_found;
    return status >= 400 && status < 500 ? Exit::refused : Exit::server;
}

std::variant<Options, Stop> parse_options(const std::vector<std::string>& arguments) {
    Options options;
    std::string token_file;
    std::int64_t patience = options.place.patience.count();
    CLI::App app("Asks millraced, and tells it what to do, over its admin API.", "millrace-ctl");
    app.footer(footer);
    app.fallthrough();
    app.require_subcommand(1);
    app.set_version_flag("--version", "millrace-ctl " MILLRACE_VERSION);
    auto* url = app.add_option("--url", options.place.url, "where the admin API is")
                    ->type_name("URL")
                    ->envname("MILLRACE_CTL_URL")
                    ->capture_default_str();
    app.add_option("--socket", options.place.socket, "unix socket of the admin API, instead of a URL")
        ->type_name("PATH")
        ->envname("MILLRACE_CTL_SOCKET")
        ->excludes(url);
    app.add_option("--token-file", token_file, "file with the token to show")
        ->type_name("FILE")
        ->envname("MILLRACE_CTL_TOKEN_FILE");
    app.add_option("--timeout", patience, "seconds to wait for an answer")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    app.add_flag("--json", options.json, "print JSON on a terminal too");
    app.add_flag("--dry-run", options.dry_run,
                 "change nothing: print the request, or of a service say whether it would be taken");

    std::map<std::string, std::map<std::string, std::string>> texts;
    std::map<std::string, CLI::App*> groups;
    std::vector<std::pair<const Operation*, CLI::App*>> commands;
    for (const Operation& operation : operations::all()) {
        std::string name(operation.command);
        CLI::App* parent = &app;
        if (std::size_t space = name.find(' '); space != std::string::npos) {
            std::string group = name.substr(0, space);
            if (!groups.contains(group)) {
                groups[group] = app.add_subcommand(group, group + "s, one by one");
                groups[group]->require_subcommand(1)->fallthrough();
            }
            parent = groups[group];
            name.erase(0, space + 1);
        }
        CLI::App* command = parent->add_subcommand(name, std::string(operation.help));
        command->fallthrough();
        add_arguments(*command, operation, texts[std::string(operation.command)]);
        commands.emplace_back(&operation, command);
    }

    app.add_subcommand("mcp",
                       "serve these commands as tools of the Model Context Protocol, on standard input and output")
        ->fallthrough();

    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return Stop{Exit::good, app.help()};
    } catch (const CLI::CallForVersion&) {
        return Stop{Exit::good, "millrace-ctl " MILLRACE_VERSION "\n"};
    } catch (const CLI::ParseError& error) {
        return usage(error.what());
    }
    for (const auto& [operation, command] : commands) {
        if (!command->parsed()) continue;
        options.operation = operation;
        for (const Argument& argument : operation->arguments) {
            if (argument.name == dry_run_name) {
                if (options.dry_run) options.values.emplace(dry_run_name, "true");
                continue;
            }
            std::string shown = argument_name(argument);
            if (command->count(shown) == 0) continue;
            std::string value = texts[std::string(operation->command)][std::string(argument.name)];
            if (argument.place == operations::Place::document) {
                auto read = read_definition(value);
                if (!read) return usage(value + ": " + config::detail(read.error()));
                value = std::move(*read);
            }
            options.values.emplace(argument.name, std::move(value));
        }
    }
    options.place.patience = std::chrono::seconds(patience);
    if (options.place.socket.empty()) {
        if (std::string fault = fault_of_url(options.place.url); !fault.empty()) return usage("--url " + fault);
    }
    if (!token_file.empty()) {
        auto token = config::read_header_value("file:" + token_file, {}, {});
        if (!token) return usage("--token-file: " + config::detail(token.error()));
        options.place.token = *token;
    }
    return options;
}

std::string written(const Place& place, const Request& request) {
    std::string where = place.socket.empty() ? place.url : "unix:" + place.socket + ':';
    if (where.ends_with('/')) where.pop_back();
    return request.method + ' ' + where + request.target + '\n' + (request.body.empty() ? "" : request.body + '\n');
}

}  // namespace millrace::ctl
