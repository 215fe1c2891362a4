// How L402 clients in the wild read a challenge: their rules, as regular expressions or as the few steps that they
// take. Each gets the WWW-Authenticate values as its HTTP library hands them over, and answers what it would pay with.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace millrace::l402::clients {

struct Offer {
    std::string macaroon;
    std::string invoice;
    bool operator==(const Offer&) const = default;
};

using Lines = std::vector<std::string>;

struct Client {
    const char* name;
    std::optional<Offer> (*read)(const Lines& lines);
};

const std::vector<Client>& all();

}  // namespace millrace::l402::clients
