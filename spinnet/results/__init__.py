"""Result files: schema, writer, reader, provenance, validation. No physics."""
