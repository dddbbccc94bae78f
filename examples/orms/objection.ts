/** Objection on Knex. */
import knexModule from 'knex'
import { Model } from 'objection'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
Model.knex(knexModule({ client: 'pg', connection: DATABASE_URL }))

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(Model.knex(), { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const transaction = await Model.startTransaction() // leaks: neither commit nor rollback
  await transaction.raw('SELECT 1')
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await Model.knex().destroy()
