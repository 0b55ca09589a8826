// The package ships no types.
import type { Feature, FeatureCollection } from "geojson";
import type { GeometryObject, Topology } from "topojson-specification";

export default function feature(topology: Topology, object: GeometryObject | string): Feature | FeatureCollection;
