/** Sequelize 6. In major 7, the method is `sequelize.startUnmanagedTransaction()`. */
import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import { Sequelize } from 'sequelize'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const sequelize = new Sequelize(DATABASE_URL, { dialect: 'postgres', logging: false })

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(sequelize, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const transaction = await sequelize.transaction() // leaks: neither commit nor rollback
  await sequelize.query('SELECT 1', { transaction })
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await sequelize.close()
