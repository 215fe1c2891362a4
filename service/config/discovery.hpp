// [discovery]: what /.well-known/l402.json and its like say, apart from the services.
#pragma once

#include <string>

#include "service/config/key.hpp"

namespace millrace::config {

bool read_uri(Reading& in, Asked key, std::string& out);

struct Discovery {
    bool enabled = true;
    std::string name = "Millrace";
    std::string uri = {};  // empty: not said

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("enabled", &Discovery::enabled, Flag{}, "Whether they are there."));
        visit(key("name", &Discovery::name, Text{}, "Who sells."));
        visit(key("uri", &Discovery::uri, by(read_uri), "The seller's own site.").otherwise("none"));
    }
};

}  // namespace millrace::config
