#include "service/metrics/metrics.hpp"

#include <sstream>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::metrics;

namespace {

// The value of a series, as text; "absent" where it is not there.
std::string value(const Metrics& metrics, const std::string& series) {
    std::istringstream lines(metrics.text({}));
    for (std::string line; std::getline(lines, line);) {
        if (line.substr(0, series.size() + 1) == series + ' ') return line.substr(series.size() + 1);
    }
    return "absent";
}

}  // namespace

TEST_CASE("every series of a resource is there from the start, at nothing") {
    Metrics metrics(2);
    metrics.set_prices({{"weather", Msat(1000)}});
    for (const char* code : {"200", "402", "404", "500", "504", "other"}) {
        CHECK(value(metrics, std::string("l402_http_requests_total{resource=\"weather\",code=\"") + code + "\"}") ==
              "0");
    }
    for (const char* result : auth_names)
        CHECK(value(metrics, std::string("l402_auth_total{resource=\"weather\",result=\"") + result + "\"}") == "0");
    for (const char* result : challenge_names)
        CHECK(value(metrics, std::string("l402_challenges_total{resource=\"weather\",result=\"") + result + "\"}") ==
              "0");
    for (const char* result : invoice_names)
        CHECK(value(metrics, std::string("l402_invoices_total{result=\"") + result + "\"}") == "0");
    CHECK(value(metrics, "l402_tokens_paid_total{resource=\"weather\"}") == "0");
    CHECK(value(metrics, "l402_revenue_msat_total{resource=\"weather\"}") == "0");
    CHECK(value(metrics, "l402_price_msat{resource=\"weather\"}") == "1000");
    CHECK(value(metrics, "l402_http_requests_total{resource=\"(unmatched)\",code=\"404\"}") == "0");
    CHECK(value(metrics, "l402_auth_total{resource=\"(unmatched)\",result=\"ok\"}") == "absent");
}

TEST_CASE("each address of an upstream is well or not") {
    Metrics metrics(1);
    std::vector<UpstreamFigure> upstreams{{"weather", "http://a:1", true}, {"weather", "unix:/b.sock", false}};
    std::string text = metrics.text({}, upstreams);
    CHECK(text.find("l402_upstream_healthy{resource=\"weather\",address=\"http://a:1\"} 1\n") != std::string::npos);
    CHECK(text.find("l402_upstream_healthy{resource=\"weather\",address=\"unix:/b.sock\"} 0\n") != std::string::npos);
    CHECK(metrics.text({}).find("l402_upstream_healthy") == std::string::npos);
}

TEST_CASE("the shards of all threads are summed") {
    Metrics metrics(2);
    ResourceMetrics& weather = metrics.resource("weather");
    weather.shard(0).request(200, Outcome::served, 0.002);
    weather.shard(1).request(200, Outcome::served, 0.2);
    weather.shard(1).request(299, Outcome::served, 100);
    weather.shard(1).authenticated(AuthResult::expired);
    weather.shard(0).challenge(ChallengeResult::rate_limited);
    metrics.thread(0).verify.observe(6e-6, verify_bounds);
    metrics.thread(1).verify.observe(1, verify_bounds);
    CHECK(value(metrics, "l402_http_requests_total{resource=\"weather\",code=\"200\"}") == "2");
    CHECK(value(metrics, "l402_http_requests_total{resource=\"weather\",code=\"other\"}") == "1");
    const std::string durations = "l402_http_request_duration_seconds";
    const std::string labels = "{resource=\"weather\",outcome=\"served\"";
    CHECK(value(metrics, durations + "_bucket" + labels + ",le=\"0.001\"}") == "0");
    CHECK(value(metrics, durations + "_bucket" + labels + ",le=\"0.0025\"}") == "1");
    CHECK(value(metrics, durations + "_bucket" + labels + ",le=\"30\"}") == "2");
    CHECK(value(metrics, durations + "_bucket" + labels + ",le=\"+Inf\"}") == "3");
    CHECK(value(metrics, durations + "_count" + labels + "}") == "3");
    CHECK(value(metrics, durations + "_sum" + labels + "}").substr(0, 7) == "100.202");
    CHECK(value(metrics, "l402_auth_total{resource=\"weather\",result=\"expired\"}") == "1");
    CHECK(value(metrics, "l402_challenges_total{resource=\"weather\",result=\"rate_limited\"}") == "1");
    CHECK(value(metrics, "l402_verify_duration_seconds_count") == "2");
}

TEST_CASE("money is counted for configured resources, the rest together") {
    Metrics metrics(1);
    metrics.set_prices({{"weather", Msat(1000)}});
    metrics.paid("weather", Msat(1001));
    metrics.paid("attacker-chosen", Msat(5));
    metrics.paid("", Msat(5));
    CHECK(value(metrics, "l402_revenue_msat_total{resource=\"weather\"}") == "1001");
    CHECK(value(metrics, "l402_tokens_paid_total{resource=\"(unmatched)\"}") == "2");
    CHECK(metrics.text({}).find("attacker-chosen") == std::string::npos);
}

TEST_CASE("a resource that is no longer configured keeps its counts and loses its price") {
    Metrics metrics(1);
    metrics.set_prices({{"weather", Msat(1000)}, {"admin", Msat(5)}});
    metrics.resource("admin").shard(0).request(200, Outcome::served, 0.1);
    ResourceMetrics* before = &metrics.resource("admin");
    metrics.set_prices({{"weather", Msat(2000)}});
    CHECK(&metrics.resource("admin") == before);
    CHECK(value(metrics, "l402_price_msat{resource=\"weather\"}") == "2000");
    CHECK(value(metrics, "l402_price_msat{resource=\"admin\"}") == "absent");
    CHECK(value(metrics, "l402_http_requests_total{resource=\"admin\",code=\"200\"}") == "1");
}

TEST_CASE("figures of node, store and process are there") {
    Metrics metrics(1);
    gateway::NodeFigures figures;
    figures.peers = 3;
    figures.spendable = Msat(42);
    metrics.node(figures);
    metrics.plugin_up(true);
    CHECK(value(metrics, "cln_peers") == "3");
    CHECK(value(metrics, "cln_spendable_msat") == "42");
    CHECK(value(metrics, "l402_plugin_up") == "1");
    for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                             "l402_db_commits_total", "l402_collect_duration_seconds"}) {
        INFO(name);
        CHECK(value(metrics, name) != "absent");
    }
    for (const char* method : rpc_methods)
        CHECK(value(metrics, std::string("l402_rpc_duration_seconds_count{method=\"") + method + "\"}") == "0");
}
