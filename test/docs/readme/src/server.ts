import express from 'express'
import { findDataset } from './routes/datasets.ts'

export const app = express()

app.get('/datasets/:id', async (request, response) => {
  const dataset = await findDataset(request.params.id)
  if (dataset === undefined) response.status(404).end()
  else response.json(dataset)
})
