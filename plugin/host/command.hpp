// A command that the plugin adds to lightningd, as data.
//
// Preparing reads the parameters and says what is wrong with them; what it returns does the work. `check` stops in between.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "common/gateway/messages.hpp"
#include "plugin/host/parameters.hpp"

namespace millrace::host {

using CommandReply = std::variant<boost::json::object, gateway::RpcError>;
using Job = std::function<boost::asio::awaitable<CommandReply>()>;
using Prepared = std::variant<Job, gateway::RpcError>;

struct Command {
    std::string name;
    std::vector<Parameter> parameters;
    std::function<Prepared(Arguments& arguments)> prepare;
};

}  // namespace millrace::host
