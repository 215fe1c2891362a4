// What a credential costs the CPU: reading it out of a request's headers and verifying it; and what minting one costs.
//
//   bench-verify            one line of JSON: medians over several rounds
//   bench-verify --seconds 2
#include <time.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "common/l402/challenge.hpp"
#include "common/l402/token.hpp"

namespace millrace {
namespace {

constexpr int rounds = 7;

double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// CPU microseconds of one call: the median of `rounds`, each of which lasts `seconds / rounds`.
double microseconds(double seconds, const std::function<void(std::size_t)>& work) {
    std::vector<double> results;
    for (int round = 0; round < rounds; ++round) {
        const double begin = cpu_seconds();
        const double end = begin + seconds / rounds;
        std::size_t calls = 0;
        double now = begin;
        while (now < end) {
            for (std::size_t i = 0; i < 100; ++i) work(calls++);
            now = cpu_seconds();
        }
        results.push_back((now - begin) * 1e6 / static_cast<double>(calls));
    }
    std::nth_element(results.begin(), results.begin() + rounds / 2, results.end());
    return results[rounds / 2];
}

struct Request {
    std::string authorization;
    std::vector<l402::HeaderField> headers;
};

// A browser-like request with a paid token of our own, with `caveats` appended by its holder.
Request make_request(const SecretKey& key, std::uint8_t number, const std::vector<std::string>& caveats) {
    std::array<std::uint8_t, 32> preimage{};
    preimage[0] = number;
    std::array<std::uint8_t, 30> random{};
    random[0] = number;
    const l402::Identifier identifier{crypto::payment_hash(Preimage(preimage)), l402::make_token_id(1, random)};
    macaroon::Macaroon token = l402::mint(key, identifier, *ServiceName::parse("weather"), {.price = Msat(1000)});
    for (const std::string& caveat : caveats) token.add_first_party_caveat(caveat);
    Request out;
    out.authorization = l402::authorization_value(codec::to_base64(macaroon::encode_v2(token)), Preimage(preimage));
    out.headers = {{"Host", "api.example.com"}, {"User-Agent", "bench/1"}, {"Accept", "*/*"},
                   {"Accept-Encoding", "gzip"}, {"Accept-Language", "en"}, {"Connection", "keep-alive"},
                   {"Cookie", "a=b; c=d"},      {"Authorization", ""}};
    return out;
}

int run(double seconds) {
    const SecretKey key(std::array<std::uint8_t, 32>{1, 2, 3});
    l402::KeyRing keys;
    keys.current = 1;
    keys.keys.emplace(l402::KeyEpoch{1}, key);
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));

    const auto verify_all = [&](const std::vector<std::string>& caveats) {
        std::vector<Request> requests;
        for (int i = 0; i < 64; ++i) requests.push_back(make_request(key, static_cast<std::uint8_t>(i), caveats));
        for (Request& request : requests) request.headers.back().second = request.authorization;
        return microseconds(seconds, [&](std::size_t i) {
            const auto found = l402::find_credential(requests[i % requests.size()].headers);
            if (!found || !*found || l402::verify(**found, keys, "weather", now)) {
                std::fprintf(stderr, "a good credential was refused\n");
                std::exit(1);
            }
        });
    };
    const double plain = verify_all({});
    const double with_preimage = verify_all({"preimage=" + std::string(64, 'a'), "weather_valid_until=1800000000"});

    std::size_t bytes = 0;
    const std::string bolt11(300, 'x');
    const double mint = microseconds(seconds, [&](std::size_t) {
        const l402::Identifier identifier{PaymentHash(), l402::make_token_id(1, crypto::random_bytes<30>())};
        const macaroon::Macaroon token =
            l402::mint(key, identifier, *ServiceName::parse("weather"), {.price = Msat(1000)});
        for (const std::string& line : l402::challenge_lines(codec::to_base64(macaroon::encode_v2(token)), bolt11))
            bytes += line.size();
    });
    if (bytes == 0) return 1;

    const boost::json::object out{{"verify_us", plain}, {"verify_with_caveats_us", with_preimage}, {"mint_us", mint}};
    std::printf("%s\n", boost::json::serialize(out).c_str());
    return 0;
}

}  // namespace
}  // namespace millrace

int main(int argc, char* argv[]) {
    double seconds = 1.5;  // of each measurement
    if (argc == 3 && std::strcmp(argv[1], "--seconds") == 0) seconds = std::atof(argv[2]);
    if (argc == 2 || seconds <= 0) {
        std::fprintf(stderr, "usage: %s [--seconds S]\n", argv[0]);
        return 2;
    }
    return millrace::run(seconds);
}
