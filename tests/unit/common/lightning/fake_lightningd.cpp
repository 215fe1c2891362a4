#include "tests/unit/common/lightning/fake_lightningd.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <stdexcept>

#include "tests/unit/catch.hpp"

namespace millrace::lightning {

namespace asio = boost::asio;
namespace bj = boost::json;
using asio::local::stream_protocol;

void FakeLightningd::Peer::send(std::string_view text) {
    boost::system::error_code ignored;  // the client may have gone
    socket_.non_blocking(false, ignored);
    asio::write(socket_, asio::buffer(text), ignored);
}

void FakeLightningd::Peer::hang_up() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

FakeLightningd::FakeLightningd() {
    char name[] = "/tmp/millrace-test-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = name;
    path_ = directory_ + "/lightning-rpc";
    listen();
}

FakeLightningd::~FakeLightningd() {
    stop_listening();
    for (const std::weak_ptr<Peer>& peer : peers_) {
        if (auto alive = peer.lock()) alive->hang_up();
    }
    // Nobody is resumed any more: what waits here belongs to objects that may be gone. It goes with the context.
    rmdir(directory_.c_str());
}

void FakeLightningd::stop_listening() {
    if (!acceptor_) return;
    boost::system::error_code ignored;
    acceptor_->close(ignored);
    acceptor_.reset();
    unlink(path_.c_str());
}

void FakeLightningd::listen() {
    acceptor_ = std::make_shared<stream_protocol::acceptor>(context_, stream_protocol::endpoint(path_));
    asio::co_spawn(context_, accept_loop(acceptor_), asio::detached);
}

std::shared_ptr<RpcClient> FakeLightningd::client() {
    return std::make_shared<RpcClient>(context_.get_executor(), path_, "test");
}

asio::awaitable<void> FakeLightningd::accept_loop(std::shared_ptr<stream_protocol::acceptor> acceptor) {
    while (true) {
        boost::system::error_code error;
        stream_protocol::socket socket =
            co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
        ++connections_;
        auto peer = std::make_shared<Peer>(std::move(socket));
        peers_.push_back(peer);
        asio::co_spawn(context_, serve(peer), asio::detached);
    }
}

asio::awaitable<void> FakeLightningd::serve(std::shared_ptr<Peer> peer) {
    std::string in;
    std::array<char, 4096> buffer;
    while (true) {
        boost::system::error_code error;
        const std::size_t size = co_await peer->socket().async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
        in.append(buffer.data(), size);
        // A request is one object; JSON text of this client holds no raw line feed.
        while (true) {
            const std::size_t end = in.find('\n');
            if (end == std::string::npos) break;
            const std::string line = in.substr(0, end);
            in.erase(0, end + 1);
            if (line.empty()) continue;
            requests_.push_back(bj::parse(line).as_object());
            if (handler_) handler_(*peer, bj::object(requests_.back()));
            if (!peer->socket().is_open()) co_return;
        }
    }
}

void FakeLightningd::run(const std::function<asio::awaitable<void>()>& make) {
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(context_, make(), [&](std::exception_ptr exception) {
        thrown = exception;
        done = true;
        context_.stop();
    });
    context_.restart();
    context_.run_for(std::chrono::seconds(10));
    if (thrown) std::rethrow_exception(thrown);
    REQUIRE(done);
}

std::string reply(const bj::object& request, const bj::value& result) {
    // lightningd indents its answers and ends them with an empty line.
    return "{\n   \"jsonrpc\": \"2.0\",\n   \"id\": " + bj::serialize(request.at("id")) +
           ",\n   \"result\": " + bj::serialize(result) + "\n}\n\n";
}

std::string refusal(const bj::object& request, int code, std::string_view message) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + bj::serialize(request.at("id")) +
           ",\"error\":{\"code\":" + std::to_string(code) + ",\"message\":" + bj::serialize(bj::string(message)) +
           "}}\n\n";
}

}  // namespace millrace::lightning
