import { RoomKitError } from "./errors";
import { RoomKit } from "./kit";
import { VERSION } from "./version";

// A CommonJS or script-tag user gets the class itself: the named exports hang on it, and `default` is the class.
Object.assign(RoomKit, { default: RoomKit, RoomKit, RoomKitError, VERSION });

export default RoomKit;
export { RoomKit, RoomKitError, VERSION };
export type * from "./types";
