/** Calls foreign code in the path of a checkout, which must not fail for it: what it throws is dropped. */
export function neverThrowing<Result>(call: () => Result): Result | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
