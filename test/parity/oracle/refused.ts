/** Errors that the documented rules ask for; told by their codes. */

/** The whole request is refused. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** One place cannot be answered; null spreads from there. */
export class Fault extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** The error of one place. */
export function fault(code: string): Fault {
  return new Fault(code);
}

/** The refusal of a value of the request. */
export function badInput(message: string): Refused {
  return new Refused("BAD_USER_INPUT", message);
}
