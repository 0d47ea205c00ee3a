# Two stations hear each other; every other scene changes one thing of this one.
keys
station car-1 car-1
station car-2 car-2 49.6117
"$ROADCAST" run --config car-1.toml --seconds 4 >car-1.txt 2>&1 &
"$ROADCAST" run --config car-2.toml --seconds 4 >car-2.txt 2>&1
wait
for car in car-1 car-2; do
    has $car.txt 'neighbours 1 ' "$car heard nobody"
done
