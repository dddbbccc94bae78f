/** Calls foreign code during a checkout, and drops its errors: the checkout must not fail. */
export function neverThrowing<Result>(call: () => Result): Result | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
