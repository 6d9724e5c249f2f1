/** The position of a statement in the stream of changes. */

import { base64 } from "./select-type.ts";

/** What the statement's snapshot sees lies before it; what is committed later lies behind it. */
export const changeCursor = base64("convert_to(json_build_array(pg_current_snapshot()::text)::text, 'UTF8')");
