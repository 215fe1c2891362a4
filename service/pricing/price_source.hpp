// Who says what a request costs. The rules of the configuration (price.hpp) come first and give a price of their own;
// a source makes the price that is asked for out of it:
//
//   FixedPrices      it is the rules' price                                    this file
//   upstream::Pricer another program is asked, over HTTP                       service/upstream/pricer.hpp
//
//   if (auto known = source.known(question)) ... known->price
//   else source.ask(question, [](Quoted quoted) { ... });
//
// A source answers every question, if with nothing: then nothing is sold until it can. What was asked for once may be
// answered from memory for a while, so that a demand for payment and the paid request after it have the same price.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/money/msat.hpp"

namespace millrace::pricing {

// What is to be priced. Everything in it is the configuration's or was checked where it came in; no credential.
struct Question {
    std::string service;
    std::string route;  // empty: none of the service's routes
    unsigned tier = 0;
    std::string tier_name;                                     // empty: the service has no tiers
    Msat local;                                                // by the rules, in this tier
    std::vector<std::pair<std::string, std::string>> facts;    // of the request, as the service's pricer.facts has them
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string thing;                                         // thing_of() all of the above
};

// Two questions about the same thing have the same price at the same time. 32 hex digits; stands in tokens.
[[nodiscard]] std::string thing_of(const Question& question);

struct Quoted {
    std::optional<Msat> price;  // empty: there is none at the moment
    bool operator==(const Quoted&) const = default;
};
using Done = std::function<void(const Quoted&)>;

class PriceSource {
  public:
    virtual ~PriceSource() = default;

    // The answer where it is known, by now; empty where it has to be asked for. Any thread.
    [[nodiscard]] virtual std::optional<Quoted> known(const Question& question) = 0;
    // Calls `done` once, from whichever thread. Any thread.
    virtual void ask(const Question& question, Done done) = 0;
};

class FixedPrices final : public PriceSource {
  public:
    [[nodiscard]] std::optional<Quoted> known(const Question& question) override { return Quoted{question.local}; }
    void ask(const Question& question, Done done) override { done({question.local}); }
};

}  // namespace millrace::pricing
