package book

import "encoding/json"

// object is a node of a JSON Schema.
type object = map[string]any

// Schema returns the format of a price file as a JSON Schema, for editors; schema.json
// holds a copy. [Decode] checks more than a schema can express: overlaps, odd numbers,
// aliases without a model.
func Schema() []byte {
	text := object{"type": "string"}
	texts := object{"anyOf": []any{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}, "minItems": 1}}}
	moment := object{"type": "string", "description": "A day, which begins at midnight UTC, or a time such as 2024-10-02T16:30:00Z."}
	factor := object{"description": "A factor such as 0.9, or a share such as 5%.", "anyOf": []any{object{"type": "number", "exclusiveMinimum": 0}, object{"type": "string", "pattern": "^[0-9.]+%?$"}}}
	defs := object{"text": text, "texts": texts, "moment": moment, "factor": factor, "amount": schemaOfAmount(false), "token_amount": schemaOfAmount(true)}
	ref := func(name string) object { return object{"$ref": "#/$defs/" + name} }
	text, texts, moment, factor = ref("text"), ref("texts"), ref("moment"), ref("factor")
	prices := object{}
	for i := range units {
		u := Unit(i)
		items := object{}
		for _, item := range units[i].items {
			items[item.String()] = ref("amount")
			if item.IsToken() {
				items[item.String()] = ref("token_amount")
			}
		}
		heading := object{"type": "object", "properties": items, "additionalProperties": false}
		if _, only := u.single(); only {
			heading = object{"anyOf": []any{heading, ref("amount")}}
		}
		heading["description"] = "Dollars " + u.String() + "."
		defs[u.String()] = heading
		prices[u.String()] = ref(u.String())
	}
	with := func(more object) object {
		all := object{}
		for _, m := range []object{prices, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return object{"type": "object", "properties": all, "additionalProperties": false}
	}
	count := object{"type": "integer", "minimum": 0}
	tier := with(object{"above": count, "at_least": count})
	tier["oneOf"] = []any{object{"required": []string{"above"}}, object{"required": []string{"at_least"}}}
	defs["tier"] = tier
	tiers := object{"type": "array", "items": ref("tier"), "description": "Prices of requests with long input; the whole request has them."}
	defs["block"] = with(object{"times": factor, "context_tiers": tiers})
	named := func(description string) object {
		return object{"type": "object", "additionalProperties": ref("block"), "description": description}
	}
	dependencies := make([]any, len(Dependencies))
	for i, d := range Dependencies {
		dependencies[i] = object{"const": d.Name, "description": "The price depends on " + d.What + "."}
	}
	blocks := object{
		"depends_on": object{
			"type": "array", "items": object{"anyOf": dependencies},
			"description": "What else the price depends on, beside what the parts of the row say.",
		},
		"times":         factor,
		"context_tiers": tiers,
		"variants":      named("By image size and quality or video resolution, such as 1024x1792/hd."),
		"service_tiers": named("By the tier that served the call: batch, flex, priority."),
		"regions":       named("By the provider's region, or its part before a dash."),
		"hours":         named("By a part of the UTC day, such as 16:30-00:30 or mon-fri 01:00-04:00."),
	}
	rowKeys := object{
		"model": texts, "from": moment, "until": moment, "source": text, "note": text, "checked": text,
		"confidence": object{"enum": []string{"high", "medium", "low"}},
		"inherit":    object{"type": "boolean", "description": "Take what this row does not name from the row it replaces."},
		"graduated":  object{"type": "boolean", "description": "Price each part of the tokens by the tier it falls into."},
	}
	for k, v := range blocks {
		rowKeys[k] = v
	}
	row := with(rowKeys)
	row["required"] = []string{"model"}
	schema := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "Prices of AI API calls of one provider",
		"type":    "object", "additionalProperties": false, "required": []string{"provider"},
		"$defs": defs,
		"properties": object{
			"provider": object{"type": "string", "description": "Who hosts the models, as gen_ai.provider.name says."},
			"as_of":    object{"allOf": []any{moment}, "description": "The day up to which the file knows the public prices."},
			"also":     texts,
			"defaults": with(blocks),
			"rows":     object{"type": "array", "items": row},
			"aliases": object{"type": "array", "items": object{
				"type": "object", "additionalProperties": false, "required": []string{"name", "model"},
				"properties": object{"name": text, "model": text, "from": moment, "until": moment},
			}},
			"adjustments": object{"type": "array", "items": object{
				"type": "object", "additionalProperties": false,
				"properties": object{
					"model": texts, "from": moment, "until": moment, "discount": factor, "margin": factor,
					"per_request": object{"type": "number", "minimum": 0}, "source": text, "note": text,
				},
			}},
		},
	}
	encoded, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // built from texts and numbers only
	}
	return append(encoded, '\n')
}

// schemaOfAmount is a price or, where allowed, the name of an item with the same price.
func schemaOfAmount(same bool) object {
	options := []any{object{"type": "number", "minimum": 0}}
	if same {
		names := []string{}
		for _, i := range tokenItems {
			names = append(names, i.String())
		}
		options = append(options, object{"enum": names, "description": "Billed as another item."})
	}
	return object{"anyOf": options}
}
