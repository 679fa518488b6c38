// Reads what `fuzz --print` prints and compares it with what kubectl's own code makes of it: both patches, merged by the server's code
// into the live object, must give the same.
//
// Two leftovers of kubectl's patches do not count, because a server drops them when it decodes the object: directives ("$patch",
// "$retainKeys") and nulls within items that somebody else has removed in the meantime. What we say a server makes of our patch may
// differ from it in the order of items in merged lists.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

type testCase struct{ Live, Modified, Patch, Result json.RawMessage }

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	count, broken := 0, 0
	for lines.Scan() {
		count++
		if problem := compare(lines.Bytes()); problem != "" {
			broken++
			fmt.Printf("case %d: %s\n  %s\n", count, problem, lines.Bytes())
		}
	}
	fmt.Printf("%d cases, %d differ from kubectl\n", count, broken)
	if lines.Err() != nil || broken > 0 {
		os.Exit(1)
	}
}

func compare(line []byte) string {
	var c testCase
	if err := json.Unmarshal(line, &c); err != nil {
		return err.Error()
	}
	var live struct {
		Metadata struct{ Annotations map[string]string }
	}
	if err := json.Unmarshal(c.Live, &live); err != nil {
		return err.Error()
	}
	schema, err := strategicpatch.NewPatchMetaFromStruct(appsv1.Deployment{})
	if err != nil {
		return err.Error()
	}
	original := []byte(live.Metadata.Annotations[lastApplied])
	patch, err := strategicpatch.CreateThreeWayMergePatch(original, c.Modified, c.Live, schema, true)
	if err != nil {
		return "kubectl makes no patch: " + err.Error()
	}
	theirs, err := strategicpatch.StrategicMergePatch(c.Live, patch, appsv1.Deployment{})
	if err != nil {
		return "kubectl's patch is refused: " + err.Error()
	}
	ours, err := strategicpatch.StrategicMergePatch(c.Live, c.Patch, appsv1.Deployment{})
	if err != nil {
		return "our patch is refused: " + err.Error()
	}
	if !reflect.DeepEqual(decoded(theirs), decoded(ours)) {
		return fmt.Sprintf("kubectl's patch %s gives another object", patch)
	}
	if unordered(ours) != unordered(c.Result) {
		return fmt.Sprintf("the server makes %s of our patch", ours)
	}
	return ""
}

// What a server has after it decoded an object.
func decoded(object []byte) any {
	var value any
	if err := json.Unmarshal(object, &value); err != nil {
		return err
	}
	return cleaned(value)
}

func cleaned(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if inner == nil || strings.HasPrefix(key, "$") {
				delete(value, key)
			} else {
				value[key] = cleaned(inner)
			}
		}
		return value
	case []any:
		items := []any{}
		for _, item := range value {
			if object, ok := item.(map[string]any); !ok || object["$patch"] == nil {
				items = append(items, cleaned(item))
			}
		}
		return items
	}
	return value
}

// An object's text with the items of its lists in the order of their texts.
func unordered(object []byte) string {
	value := decoded(object)
	sortLists(value)
	return text(value)
}

func sortLists(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range value {
			sortLists(inner)
		}
	case []any:
		for _, item := range value {
			sortLists(item)
		}
		sort.SliceStable(value, func(i, j int) bool { return text(value[i]) < text(value[j]) })
	}
}

func text(value any) string {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(value); err != nil {
		return err.Error()
	}
	return buffer.String()
}
