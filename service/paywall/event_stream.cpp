#include "service/paywall/event_stream.hpp"

#include <utility>

namespace millrace::paywall {

void EventStream::look_at(std::string_view line) {
    constexpr std::string_view name = "data";
    if (!line.starts_with(name)) return;
    line.remove_prefix(name.size());
    if (!line.empty() && line.front() != ':') return;
    if (!line.empty()) line.remove_prefix(1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    is_done_ = !has_data_ && line == "[DONE]";
    has_data_ = true;
}

std::optional<EventStream::Event> EventStream::next() {
    for (;;) {
        const std::size_t end = buffer_.find_first_of("\r\n", scanned_);
        if (end == std::string::npos) {
            scanned_ = buffer_.size();
            if (buffer_.size() < max_event) return std::nullopt;
            return Event{take_all(), true, false};
        }
        // A CR at the end may be half of a line's end.
        if (buffer_[end] == '\r' && end + 1 == buffer_.size()) {
            scanned_ = end;
            return std::nullopt;
        }
        const std::size_t next = end + (buffer_[end] == '\r' && buffer_[end + 1] == '\n' ? 2 : 1);
        const bool blank = end == line_;
        if (!blank) look_at(std::string_view(buffer_).substr(line_, end - line_));
        line_ = scanned_ = next;
        if (!blank) continue;
        Event out{buffer_.substr(0, next), std::exchange(has_data_, false), std::exchange(is_done_, false)};
        buffer_.erase(0, next);
        line_ = scanned_ = 0;
        return out;
    }
}

EventStream::Event EventStream::rest() {
    std::string_view line = std::string_view(buffer_).substr(line_);
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) look_at(line);
    Event out{{}, has_data_ && !is_done_, is_done_};
    out.text = take_all();
    if (!out.text.empty()) out.text.append("\n\n");
    return out;
}

std::string EventStream::take_all() {
    line_ = scanned_ = 0;
    has_data_ = is_done_ = false;
    return std::exchange(buffer_, {});
}

}  // namespace millrace::paywall
