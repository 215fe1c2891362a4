// What clients read before they buy, made of the configuration:
//
//   /.well-known/l402.json   the services offered at a host: paths, prices, terms         (aperture #241, L402 #27)
//   /openapi.json            the same as OpenAPI 3.1 with x-service-info and x-payment-info (x-l402-info where no
//   charge is sold) (draft-payment-discovery-00)
//
//   Documents documents = make_documents(config, routes.at_host("api.example.com"), node_id);
//
// Services that are `hidden` are in none of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "service/config/config.hpp"

namespace millrace::discovery {

inline constexpr std::string_view manifest_path = "/.well-known/l402.json";
inline constexpr std::string_view openapi_path = "/openapi.json";
inline constexpr std::string_view quote_path = "/l402/quote";

struct Document {
    std::string text;
    std::string etag;  // in quotes, as the field has it
};

struct Documents {
    Document manifest;
    Document openapi;
};

// `services`: indexes into config.services. `node_id`: 66 hex digits, empty where the node is not known yet.
[[nodiscard]] Documents make_documents(const config::Config& config, std::span<const std::size_t> services,
                                       std::string_view node_id);

// Documents by what they are made of, for as long as that stays. Bounded, since the configuration's hosts are few.
class DocumentCache {
  public:
    // `version` stands for the configuration; valid until the next call.
    const Documents& get(std::uint64_t version, const config::Config& config, const std::vector<std::size_t>& services,
                         std::string_view node_id);

  private:
    std::uint64_t version_ = 0;
    std::string node_id_;
    std::map<std::vector<std::size_t>, Documents> made_;
};

// RFC 9110 §13.1.2: true where an If-None-Match value holds this tag, or "*".
[[nodiscard]] bool matches_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace millrace::discovery
