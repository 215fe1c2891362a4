#include "service/pages/qr_code.hpp"

#include <qrencode.h>

#include <memory>

#include "service/pages/html.hpp"

namespace millrace::pages {
namespace {

constexpr int quiet_zone = 4;  // modules, ISO/IEC 18004 §9.1

using Code = std::unique_ptr<QRcode, decltype(&QRcode_free)>;

// One subpath for each run of dark modules of a row.
std::string draw(const QRcode& code) {
    std::string path;
    for (int y = 0; y < code.width; ++y) {
        for (int x = 0; x < code.width;) {
            const unsigned char* row = code.data + static_cast<std::ptrdiff_t>(y) * code.width;
            int begin = x;
            while (x < code.width && (row[x] & 1U) != 0) ++x;
            if (x > begin) {
                std::string run = std::to_string(x - begin);
                path += 'M' + std::to_string(begin + quiet_zone) + ' ' + std::to_string(y + quiet_zone) + 'h' + run +
                        "v1h-" + run + 'z';
            } else {
                ++x;
            }
        }
    }
    return path;
}

}  // namespace

std::string qr_svg(const std::string& text, std::string_view label) {
    // The least redundancy: a screen is not torn or stained, and larger modules are read from further away.
    Code code(QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1), &QRcode_free);
    if (!code) return {};
    std::string size = std::to_string(code->width + 2 * quiet_zone);
    return "<svg role=\"img\" aria-label=\"" + escape_html(label) + "\" viewBox=\"0 0 " + size + ' ' + size +
           "\" shape-rendering=\"crispEdges\"><rect width=\"" + size + "\" height=\"" + size +
           "\" fill=\"#fff\"/><path fill=\"#000\" d=\"" + draw(*code) + "\"/></svg>";
}

}  // namespace millrace::pages
