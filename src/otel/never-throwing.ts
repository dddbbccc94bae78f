/** Calls code of the application during a checkout, and ignores its errors: the checkout must not fail. */
export function neverThrowing<Result>(call: () => Result): Result | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
