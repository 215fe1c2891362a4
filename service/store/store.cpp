#include "service/store/store.hpp"

namespace millrace {

const char* ErrcText<store::Errc>::text(store::Errc errc) {
    switch (errc) {
        case store::Errc::cannot_open:
            return "cannot open the store";
        case store::Errc::foreign:
            return "the file is a database of another program";
        case store::Errc::newer:
            return "the store was written by a newer version of millraced";
        case store::Errc::in_use:
            return "the store is in use by another process";
        case store::Errc::write_failed:
            return "cannot write to the store";
        case store::Errc::read_failed:
            return "cannot read from the store";
        case store::Errc::corrupt:
            return "the store is damaged";
    }
    return "unknown store error";
}

}  // namespace millrace
