/** A path without its variable parts, for requests without a known route: `/orders/:id` for `/orders/17`. */
export function generalPath(path: string): string {
  return path
    .split('/')
    .map((segment) => (isId(segment) ? ':id' : segment))
    .join('/')
}

function isId(segment: string): boolean {
  return (
    /^\d+$/.test(segment) ||
    /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(segment) ||
    (segment.length >= 16 && /^(?=.*\d)[\w-]+$/.test(segment))
  )
}
