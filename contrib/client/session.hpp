// Runs a Purchase: does what it asks for, over HTTP, at the node and in the store.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <ostream>

#include "contrib/client/http_exchange.hpp"
#include "contrib/client/options.hpp"
#include "contrib/client/output.hpp"
#include "contrib/client/token_store.hpp"

namespace millrace::client {

struct SessionParts {
    Options options;
    Target target;
    Output output;
    TokenStore store;
    std::function<TimePoint()> now;
    std::ostream& messages;  // cost, steps, errors: never a secret
};

boost::asio::awaitable<Exit> run(SessionParts parts);

}  // namespace millrace::client
