# Rules of the tree that a compiler does not know, checked with every full build.
if(PYTHON3)
  add_custom_target(check_layers ALL COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tools/check_layers
                    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
endif()
