#include "service/front/client_watch.hpp"

namespace millrace::front {

void ClientWatch::begin(http::Stream& client, http::Stream& upstream, std::chrono::milliseconds half_closed,
                        bool whole) {
    end();
    upstream_ = &upstream;
    client_ = &client;
    half_closed_ = half_closed;
    whole_ = whole;
    closed_its_side_ = false;
    left_ = false;
    patience_.arm<&ClientWatch::lose_patience>(http::Watchdog::period, *this);
}

void ClientWatch::end() {
    if (!upstream_) return;
    if (looking_) client_->watch_peer(nullptr);
    looking_ = false;
    patience_.disarm();
    upstream_ = nullptr;
}

void ClientWatch::request_is_whole() {
    whole_ = true;
    touch();
}

void ClientWatch::touch() {
    if (!upstream_ || !closed_its_side_ || !whole_) return;
    patience_.arm<&ClientWatch::lose_patience>(half_closed_, *this);
}

// The wait lasts, or a client that has closed its side waited for long enough.
void ClientWatch::lose_patience() {
    patience_.disarm();
    if (closed_its_side_) {
        leave();
    } else {
        looking_ = true;
        client_->watch_peer(this);
    }
}

void ClientWatch::peer_went(bool reset) {
    if (reset) {
        leave();
        return;
    }
    closed_its_side_ = true;
    touch();
}

void ClientWatch::leave() {
    http::Stream& upstream = *upstream_;
    end();
    left_ = true;
    upstream.cancel();
    if (waiting_) waiting_->tell();
}

}  // namespace millrace::front
