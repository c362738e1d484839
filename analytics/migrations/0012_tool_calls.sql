-- What the model asked a client's tools to do, in OpenAI's form.
ALTER TABLE reply ADD COLUMN tool_calls JSON;
