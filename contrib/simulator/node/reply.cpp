#include "contrib/simulator/node/reply.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace millrace::sim {

Reply::Reply(std::string raw_id, Send send)
    : state_(std::make_shared<State>(State{std::move(raw_id), std::move(send)})) {}

void Reply::result(const boost::json::value& value) const {
    raw("result", boost::json::serialize(value));
}

void Reply::error(int code, std::string_view message) const {
    raw("error", boost::json::serialize(boost::json::object{{"code", code}, {"message", message}}));
}

void Reply::error(int code, std::string_view message, const boost::json::value& data) const {
    raw("error", boost::json::serialize(boost::json::object{{"code", code}, {"message", message}, {"data", data}}));
}

void Reply::raw(std::string_view member, std::string_view json) const {
    if (state_->answered) return;
    state_->answered = true;
    std::string text = "{\"jsonrpc\":\"2.0\",\"id\":";
    text += state_->raw_id;
    text += ",\"";
    text += member;
    text += "\":";
    text += json;
    text += "}\n\n";
    state_->send(std::move(text));
}

}  // namespace millrace::sim
