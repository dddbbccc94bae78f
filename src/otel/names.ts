/** Metrics of the semantic conventions for database clients, and our own. */
export const metricNames = {
  count: 'db.client.connection.count',
  idleMax: 'db.client.connection.idle.max',
  idleMin: 'db.client.connection.idle.min',
  limit: 'db.client.connection.limit',
  pendingRequests: 'db.client.connection.pending_requests',
  timeouts: 'db.client.connection.timeouts',
  createTime: 'db.client.connection.create_time',
  waitTime: 'db.client.connection.wait_time',
  useTime: 'db.client.connection.use_time',
  findings: 'pg_lifeguard.findings',
  remedies: 'pg_lifeguard.remedies',
  transactions: 'pg_lifeguard.transaction.count',
  oldestTransaction: 'pg_lifeguard.transaction.oldest_age',
  oldestCheckout: 'pg_lifeguard.checkout.oldest_age',
} as const

/** The names of all attributes of metrics and log records. */
export const attributeNames = {
  pool: 'db.client.connection.pool.name',
  state: 'db.client.connection.state',
  file: 'code.file.path',
  line: 'code.line.number',
  column: 'code.column.number',
  function: 'code.function.name',
  stack: 'code.stacktrace',
  kind: 'pg_lifeguard.finding.kind',
  certainty: 'pg_lifeguard.finding.certainty',
  origin: 'pg_lifeguard.origin',
  remedy: 'pg_lifeguard.remedy',
  outcome: 'pg_lifeguard.outcome',
  outcomeDetail: 'pg_lifeguard.outcome.detail',
  id: 'pg_lifeguard.finding.id',
  fingerprint: 'pg_lifeguard.finding.fingerprint',
  occurrences: 'pg_lifeguard.finding.occurrences',
  resolution: 'pg_lifeguard.finding.resolution',
  pid: 'pg_lifeguard.checkout.pid',
  held: 'pg_lifeguard.checkout.held_time',
  transaction: 'pg_lifeguard.checkout.transaction',
  query: 'db.query.text',
  scopeKind: 'pg_lifeguard.scope.kind',
  scopeName: 'pg_lifeguard.scope.name',
  scopeId: 'pg_lifeguard.scope.id',
} as const

/** Log records and span events. */
export const eventNames = {
  finding: 'pg_lifeguard.finding',
  remedied: 'pg_lifeguard.remedied',
  resolved: 'pg_lifeguard.resolved',
} as const
