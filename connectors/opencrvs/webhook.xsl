<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  webhook.xsl - the FHIR bundle of OpenCRVS 1.x (webhook delivery) to common records.

  The bundle may stand alone, below "payload", or below "event"/"context". It departs from FHIR: history resource types,
  RelatedPerson.relationship as an object, empty strings for absent values, name.use is a language, references with and
  without urn:uuid:, matching keys left in _transforms (derived by OpenCRVS, not taken).
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns="urn:kinward:record:1" exclude-result-prefixes="kw j">
  <kw:mapping id="opencrvs-webhook" version="1" format="json"/>
  <xsl:include href="common.xsl"/>
  <xsl:include href="bundle-parties.xsl"/>

  <xsl:key name="by-id" match="j:map[@key = 'resource']" use="j:string[@key = 'id']"/>
  <xsl:key name="by-url" match="j:map[@key = 'resource']" use="../j:string[@key = 'fullUrl']"/>

  <xsl:variable name="extension" select="'http://opencrvs.org/specs/extension/'"/>

  <xsl:template match="/">
    <xsl:variable name="bundles" select="descendant::j:map[j:string[@key = 'resourceType'] = 'Bundle']"/>
    <xsl:if test="not($bundles)">
      <xsl:message terminate="yes">there is no FHIR bundle in the document</xsl:message>
    </xsl:if>
    <records>
      <xsl:apply-templates select="$bundles"/>
    </records>
  </xsl:template>

  <!-- The resource that a reference in the context names; an empty node-set where the bundle does not have it. -->
  <xsl:template name="id-of">
    <xsl:param name="reference"/>
    <xsl:choose>
      <xsl:when test="starts-with($reference, 'urn:uuid:')"><xsl:value-of select="substring-after($reference, 'urn:uuid:')"/></xsl:when>
      <xsl:when test="contains($reference, '/_history/')">
        <xsl:call-template name="id-of"><xsl:with-param name="reference" select="substring-before($reference, '/_history/')"/></xsl:call-template>
      </xsl:when>
      <xsl:when test="contains($reference, '/')">
        <xsl:call-template name="id-of"><xsl:with-param name="reference" select="substring-after($reference, '/')"/></xsl:call-template>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="$reference"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template match="j:map[j:string[@key = 'resourceType'] = 'Bundle']">
    <xsl:variable name="resources" select="j:array[@key = 'entry']/j:map/j:map[@key = 'resource']"/>
    <xsl:variable name="composition" select="$resources[j:string[@key = 'resourceType'] = 'Composition'][1]"/>
    <xsl:variable name="task" select="$resources[j:string[@key = 'resourceType'] = 'Task'][1]"/>
    <xsl:variable name="kind">
      <xsl:choose>
        <xsl:when test="$task/j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code']">
          <xsl:value-of select="kw:lower($task/j:map[@key = 'code']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'])"/>
        </xsl:when>
        <xsl:otherwise>
          <xsl:value-of select="substring-before($composition/j:map[@key = 'type']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'], '-')"/>
        </xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:choose>
      <xsl:when test="not($composition/j:string[@key = 'id'] != '')">
        <xsl:message terminate="yes">the bundle has no Composition with an id</xsl:message>
      </xsl:when>
      <xsl:when test="not($task/j:string[@key = 'lastModified'] != '')">
        <xsl:message terminate="yes">the bundle has no Task with lastModified</xsl:message>
      </xsl:when>
      <xsl:when test="$kind != 'birth' and $kind != 'death' and $kind != 'marriage'">
        <xsl:message terminate="yes">the bundle is of no birth, death or marriage</xsl:message>
      </xsl:when>
    </xsl:choose>
    <xsl:call-template name="record">
      <xsl:with-param name="resources" select="$resources"/>
      <xsl:with-param name="composition" select="$composition"/>
      <xsl:with-param name="task" select="$task"/>
      <xsl:with-param name="kind" select="string($kind)"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template name="record">
    <xsl:param name="resources"/>
    <xsl:param name="composition"/>
    <xsl:param name="task"/>
    <xsl:param name="kind"/>
    <xsl:variable name="subject-id">
      <xsl:call-template name="section-patient">
        <xsl:with-param name="composition" select="$composition"/>
        <xsl:with-param name="code">
          <xsl:choose>
            <xsl:when test="$kind = 'birth'">child-details</xsl:when>
            <xsl:when test="$kind = 'death'">deceased-details</xsl:when>
            <xsl:otherwise>bride-details</xsl:otherwise>
          </xsl:choose>
        </xsl:with-param>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="subject" select="key('by-id', string($subject-id))[1]"/>
    <xsl:variable name="event-date">
      <xsl:choose>
        <xsl:when test="$kind = 'birth'"><xsl:value-of select="$subject/j:string[@key = 'birthDate']"/></xsl:when>
        <xsl:when test="$kind = 'death'"><xsl:value-of select="$subject/j:string[@key = 'deceasedDateTime']"/></xsl:when>
        <xsl:otherwise>
          <xsl:value-of select="$resources[j:string[@key = 'resourceType'] = 'Patient']/j:array[@key = 'extension']/j:map[j:string[@key = 'url'] = concat($extension, 'date-of-marriage')]/*[@key = 'valueDateTime' or @key = 'valueString']"/>
        </xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <record>
      <xsl:call-template name="source-record">
        <xsl:with-param name="id" select="$composition/j:string[@key = 'id']"/>
        <xsl:with-param name="version" select="$task/j:string[@key = 'lastModified']"/>
      </xsl:call-template>
      <eventType>
        <xsl:choose>
          <xsl:when test="$kind = 'birth'">live_birth</xsl:when>
          <xsl:otherwise><xsl:value-of select="$kind"/></xsl:otherwise>
        </xsl:choose>
      </eventType>
      <xsl:variable name="business-status" select="$task/j:map[@key = 'businessStatus']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code']"/>
      <xsl:choose>
        <xsl:when test="kw:text($business-status) = ''"><status>unknown</status></xsl:when>
        <xsl:otherwise><xsl:copy-of select="kw:coded('status', 'status', $business-status, 'http://opencrvs.org/specs/reg-status')"/></xsl:otherwise>
      </xsl:choose>
      <event>
        <date><xsl:copy-of select="kw:date($event-date)"/></date>
        <xsl:call-template name="event-place">
          <xsl:with-param name="encounter" select="$resources[j:string[@key = 'resourceType'] = 'Encounter'][1]"/>
        </xsl:call-template>
      </event>
      <xsl:call-template name="registration">
        <xsl:with-param name="resources" select="$resources"/>
        <xsl:with-param name="composition" select="$composition"/>
        <xsl:with-param name="task" select="$task"/>
        <xsl:with-param name="status" select="string($business-status)"/>
        <xsl:with-param name="event-date" select="string($event-date)"/>
      </xsl:call-template>
      <xsl:call-template name="parties">
        <xsl:with-param name="composition" select="$composition"/>
        <xsl:with-param name="task" select="$task"/>
        <xsl:with-param name="kind" select="$kind"/>
        <xsl:with-param name="event-date" select="string($event-date)"/>
      </xsl:call-template>
      <xsl:variable name="observations" select="$resources[j:string[@key = 'resourceType'] = 'Observation']"/>
      <xsl:choose>
        <xsl:when test="$kind = 'birth'">
          <xsl:call-template name="live-birth">
            <xsl:with-param name="observations" select="$observations"/>
            <xsl:with-param name="child" select="$subject"/>
          </xsl:call-template>
        </xsl:when>
        <xsl:when test="$kind = 'death'">
          <xsl:call-template name="death"><xsl:with-param name="observations" select="$observations"/></xsl:call-template>
        </xsl:when>
        <xsl:otherwise>
          <xsl:call-template name="marriage"><xsl:with-param name="observations" select="$observations"/></xsl:call-template>
        </xsl:otherwise>
      </xsl:choose>
      <xsl:call-template name="handling"/>
      <xsl:call-template name="notes">
        <xsl:with-param name="resources" select="$resources"/>
        <xsl:with-param name="observations" select="$observations"/>
      </xsl:call-template>
    </record>
  </xsl:template>

  <!-- Where it happened -->

  <xsl:template name="event-place">
    <xsl:param name="encounter"/>
    <xsl:variable name="id">
      <xsl:call-template name="id-of">
        <xsl:with-param name="reference" select="$encounter/j:array[@key = 'location']/j:map[1]/j:map[@key = 'location']/j:string[@key = 'reference']"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="location" select="key('by-id', string($id))[j:string[@key = 'resourceType'] = 'Location'][1]"/>
    <xsl:if test="$id != ''">
      <place>
        <xsl:variable name="type" select="$location/j:map[@key = 'type']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code']"/>
        <xsl:call-template name="administrative-names"><xsl:with-param name="location" select="$location"/></xsl:call-template>
        <xsl:call-template name="administrative-identifiers"><xsl:with-param name="location" select="$location"/></xsl:call-template>
        <xsl:variable name="address" select="$location/j:map[@key = 'address']"/>
        <xsl:copy-of select="kw:coded('country', 'country', $address/j:string[@key = 'country'], 'urn:iso:std:iso:3166')"/>
        <xsl:call-template name="administrative-codes"><xsl:with-param name="location" select="$location"/></xsl:call-template>
        <xsl:choose>
          <xsl:when test="$type = 'HEALTH_FACILITY' or not($location)">
            <facilityId><xsl:value-of select="kw:text($id)"/></facilityId>
            <xsl:call-template name="text">
              <xsl:with-param name="element" select="'facilityName'"/>
              <xsl:with-param name="value" select="$location/j:string[@key = 'name']"/>
            </xsl:call-template>
          </xsl:when>
        </xsl:choose>
        <xsl:copy-of select="kw:coded('type', 'place-type', $type, 'http://opencrvs.org/specs/location-type')"/>
        <xsl:if test="$address">
          <xsl:call-template name="address">
            <xsl:with-param name="element" select="'address'"/>
            <xsl:with-param name="address" select="$address"/>
          </xsl:call-template>
        </xsl:if>
      </place>
    </xsl:if>
  </xsl:template>

  <!-- Names of the units that a location lies in, smallest first; a facility is no unit. -->
  <xsl:template name="administrative-names">
    <xsl:param name="location"/>
    <xsl:if test="$location">
      <xsl:if test="$location/j:map[@key = 'type']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'] = 'ADMIN_STRUCTURE'">
        <xsl:call-template name="text">
          <xsl:with-param name="element" select="'geographicName'"/>
          <xsl:with-param name="value" select="$location/j:string[@key = 'name']"/>
        </xsl:call-template>
      </xsl:if>
      <xsl:variable name="above">
        <xsl:call-template name="id-of"><xsl:with-param name="reference" select="$location/j:map[@key = 'partOf']/j:string[@key = 'reference']"/></xsl:call-template>
      </xsl:variable>
      <xsl:call-template name="administrative-names">
        <xsl:with-param name="location" select="key('by-id', string($above))[j:string[@key = 'resourceType'] = 'Location'][1]"/>
      </xsl:call-template>
    </xsl:if>
  </xsl:template>

  <!-- Codes that stay the same when a country sets its OpenCRVS up anew; the ids of its database do not. -->
  <xsl:template name="administrative-identifiers">
    <xsl:param name="location"/>
    <xsl:if test="$location">
      <xsl:for-each select="$location/j:array[@key = 'identifier']/j:map[contains(j:string[@key = 'system'], '/statistical-code') or contains(j:string[@key = 'system'], '/internal-id')]">
        <xsl:call-template name="text"><xsl:with-param name="element" select="'geographicIdentifier'"/><xsl:with-param name="value" select="j:string[@key = 'value']"/></xsl:call-template>
      </xsl:for-each>
      <xsl:variable name="above">
        <xsl:call-template name="id-of"><xsl:with-param name="reference" select="$location/j:map[@key = 'partOf']/j:string[@key = 'reference']"/></xsl:call-template>
      </xsl:variable>
      <xsl:call-template name="administrative-identifiers">
        <xsl:with-param name="location" select="key('by-id', string($above))[j:string[@key = 'resourceType'] = 'Location'][1]"/>
      </xsl:call-template>
    </xsl:if>
  </xsl:template>

  <xsl:template name="administrative-codes">
    <xsl:param name="location"/>
    <xsl:if test="$location">
      <xsl:if test="$location/j:map[@key = 'type']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'] != 'HEALTH_FACILITY'">
        <localCode><xsl:value-of select="$location/j:string[@key = 'id']"/></localCode>
      </xsl:if>
      <xsl:variable name="above">
        <xsl:call-template name="id-of"><xsl:with-param name="reference" select="$location/j:map[@key = 'partOf']/j:string[@key = 'reference']"/></xsl:call-template>
      </xsl:variable>
      <xsl:call-template name="administrative-codes">
        <xsl:with-param name="location" select="key('by-id', string($above))[j:string[@key = 'resourceType'] = 'Location'][1]"/>
      </xsl:call-template>
    </xsl:if>
  </xsl:template>

  <!-- The entry in the register -->

  <xsl:template name="registration">
    <xsl:param name="resources"/>
    <xsl:param name="composition"/>
    <xsl:param name="task"/>
    <xsl:param name="status"/>
    <xsl:param name="event-date"/>
    <xsl:variable name="history" select="$resources[j:string[@key = 'resourceType'] = 'TaskHistory']"/>
    <xsl:variable name="registered-before" select="$history[j:map[@key = 'businessStatus']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = 'REGISTERED']"/>
    <xsl:variable name="registered">
      <xsl:choose>
        <xsl:when test="$registered-before">
          <xsl:for-each select="$registered-before">
            <xsl:sort select="j:string[@key = 'lastModified']"/>
            <xsl:if test="position() = 1"><xsl:value-of select="j:string[@key = 'lastModified']"/></xsl:if>
          </xsl:for-each>
        </xsl:when>
        <xsl:when test="$status = 'REGISTERED'"><xsl:value-of select="$task/j:string[@key = 'lastModified']"/></xsl:when>
      </xsl:choose>
    </xsl:variable>
    <xsl:variable name="declared">
      <xsl:for-each select="$history[j:map[@key = 'businessStatus']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = 'DECLARED']">
        <xsl:sort select="j:string[@key = 'lastModified']"/>
        <xsl:if test="position() = 1"><xsl:value-of select="j:string[@key = 'lastModified']"/></xsl:if>
      </xsl:for-each>
    </xsl:variable>
    <xsl:variable name="numbers" select="$task/j:array[@key = 'identifier']/j:map"/>
    <registration>
      <xsl:if test="$registered != ''"><date><xsl:copy-of select="kw:date($registered)"/></date></xsl:if>
      <xsl:call-template name="text">
        <xsl:with-param name="element" select="'number'"/>
        <xsl:with-param name="value" select="$numbers[contains(j:string[@key = 'system'], '-registration-number')]/j:string[@key = 'value']"/>
      </xsl:call-template>
      <xsl:call-template name="text">
        <xsl:with-param name="element" select="'trackingNumber'"/>
        <xsl:with-param name="value" select="$numbers[contains(j:string[@key = 'system'], '-tracking-id')]/j:string[@key = 'value'] | $composition[not($numbers[contains(j:string[@key = 'system'], '-tracking-id')])]/j:map[@key = 'identifier']/j:string[@key = 'value']"/>
      </xsl:call-template>
      <xsl:call-template name="text">
        <xsl:with-param name="element" select="'book'"/>
        <xsl:with-param name="value" select="$numbers[contains(j:string[@key = 'system'], 'registration-book')]/j:string[@key = 'value']"/>
      </xsl:call-template>
      <xsl:call-template name="text">
        <xsl:with-param name="element" select="'page'"/>
        <xsl:with-param name="value" select="$numbers[contains(j:string[@key = 'system'], 'registration-page')]/j:string[@key = 'value']"/>
      </xsl:call-template>
      <xsl:call-template name="office"><xsl:with-param name="task" select="$task"/></xsl:call-template>
      <xsl:call-template name="registration-dates">
        <xsl:with-param name="registered" select="string($registered)"/>
        <xsl:with-param name="event" select="$event-date"/>
      </xsl:call-template>
      <xsl:choose>
        <xsl:when test="$declared != ''"><declarationDate><xsl:copy-of select="kw:date($declared)"/></declarationDate></xsl:when>
        <xsl:when test="$composition/j:string[@key = 'date'] != ''">
          <declarationDate><xsl:copy-of select="kw:date($composition/j:string[@key = 'date'])"/></declarationDate>
        </xsl:when>
      </xsl:choose>
      <statusDate><xsl:copy-of select="kw:date($task/j:string[@key = 'lastModified'])"/></statusDate>
      <xsl:call-template name="text">
        <xsl:with-param name="element" select="'sourceStatus'"/>
        <xsl:with-param name="value" select="$status"/>
      </xsl:call-template>
      <xsl:variable name="certificates" select="$composition/j:array[@key = 'section']/j:map[j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = 'certificates']/j:array[@key = 'entry']/j:map"/>
      <xsl:if test="$certificates"><certificateCount><xsl:value-of select="count($certificates)"/></certificateCount></xsl:if>
      <xsl:for-each select="$numbers[not(contains(j:string[@key = 'system'], '-tracking-id')) and not(contains(j:string[@key = 'system'], '-registration-number')) and not(contains(j:string[@key = 'system'], 'registration-book')) and not(contains(j:string[@key = 'system'], 'registration-page'))]">
        <xsl:if test="kw:text(j:string[@key = 'value']) != ''">
          <identifier>
            <type original="{substring-after(j:string[@key = 'system'], '/id/')}" originalSystem="{j:string[@key = 'system']}">other</type>
            <value><xsl:value-of select="kw:text(j:string[@key = 'value'])"/></value>
          </identifier>
        </xsl:if>
      </xsl:for-each>
      <xsl:for-each select="$resources[j:string[@key = 'resourceType'] = 'DocumentReference'][j:map[@key = 'type']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] != '']">
        <supportingDocument>
          <xsl:copy-of select="kw:coded('type', 'document-type', j:map[@key = 'type']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'], 'http://opencrvs.org/specs/supporting-doc-type')"/>
        </supportingDocument>
      </xsl:for-each>
    </registration>
  </xsl:template>

  <xsl:template name="office">
    <xsl:param name="task"/>
    <xsl:variable name="id">
      <xsl:call-template name="id-of">
        <xsl:with-param name="reference" select="$task/j:array[@key = 'extension']/j:map[j:string[@key = 'url'] = concat($extension, 'regLastOffice')]/j:map[@key = 'valueReference']/j:string[@key = 'reference']"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:if test="$id != ''">
      <office>
        <id><xsl:value-of select="kw:text($id)"/></id>
        <xsl:call-template name="text">
          <xsl:with-param name="element" select="'name'"/>
          <xsl:with-param name="value" select="key('by-id', string($id))[j:string[@key = 'resourceType'] = 'Location'][1]/j:string[@key = 'name']"/>
        </xsl:call-template>
        <xsl:if test="$own-country != ''"><country><xsl:value-of select="$own-country"/></country></xsl:if>
      </office>
    </xsl:if>
  </xsl:template>

  <!-- What was observed -->

  <xsl:template name="observed">
    <xsl:param name="observations"/>
    <xsl:param name="code"/>
    <xsl:variable name="observation" select="$observations[j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = $code][1]"/>
    <xsl:value-of select="($observation/j:map[@key = 'valueQuantity']/*[@key = 'value'] | $observation/j:map[@key = 'valueCodeableConcept']/j:array[@key = 'coding']/j:map[1]/*[@key = 'code'] | $observation/*[@key = 'valueString' or @key = 'valueInteger' or @key = 'valueDateTime' or @key = 'valueBoolean'])[1]"/>
  </xsl:template>

  <xsl:template name="live-birth">
    <xsl:param name="observations"/>
    <xsl:param name="child"/>
    <xsl:variable name="parts">
      <birthType><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'57722-1'"/></xsl:call-template></birthType>
    </xsl:variable>
    <xsl:variable name="attendant"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'73764-3'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="weight"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'3141-9'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="alive"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'num-born-alive'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="foetal"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'num-foetal-death'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="previous"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'68499-3'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="order" select="$child/j:number[@key = 'multipleBirthInteger']"/>
    <xsl:if test="concat($parts, $attendant, $weight, $alive, $foetal, $previous, $order) != ''">
      <liveBirth>
        <xsl:copy-of select="kw:coded('birthType', 'birth-type', string($parts), 'http://opencrvs.org/birthType')"/>
        <xsl:call-template name="count"><xsl:with-param name="element" select="'birthOrderInDelivery'"/><xsl:with-param name="value" select="$order"/></xsl:call-template>
        <xsl:copy-of select="kw:coded('attendant', 'attendant', string($attendant), 'http://opencrvs.org/attendantAtBirth')"/>
        <xsl:call-template name="weight"><xsl:with-param name="kilograms" select="$weight"/></xsl:call-template>
        <xsl:call-template name="count"><xsl:with-param name="element" select="'childrenBornAlive'"/><xsl:with-param name="value" select="$alive"/></xsl:call-template>
        <xsl:call-template name="count"><xsl:with-param name="element" select="'foetalDeaths'"/><xsl:with-param name="value" select="$foetal"/></xsl:call-template>
        <xsl:if test="$previous != ''"><previousLiveBirth><xsl:copy-of select="kw:date($previous)"/></previousLiveBirth></xsl:if>
      </liveBirth>
    </xsl:if>
  </xsl:template>

  <xsl:template name="death">
    <xsl:param name="observations"/>
    <xsl:variable name="manner"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'uncertified-manner-of-death'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="cause"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'ICD10'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="method"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'cause-of-death-method'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="established"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'cause-of-death-established'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="description"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'lay-reported-or-verbal-autopsy-description'"/></xsl:call-template></xsl:variable>
    <xsl:if test="concat($manner, $cause, $method, $established, $description) != ''">
      <death>
        <xsl:if test="kw:text($cause) != ''">
          <cause>
            <!-- The form holds a code or plain words in the same place. -->
            <xsl:choose>
              <xsl:when test="string-length($cause) &lt;= 8 and translate(substring($cause, 1, 1), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '') = '' and translate(substring($cause, 2, 2), '0123456789', '') = '' and string-length($cause) &gt;= 3">
                <code><xsl:value-of select="kw:text($cause)"/></code>
                <system>icd_10</system>
              </xsl:when>
              <xsl:otherwise>
                <system>text</system>
                <text><xsl:value-of select="kw:text($cause)"/></text>
              </xsl:otherwise>
            </xsl:choose>
          </cause>
        </xsl:if>
        <xsl:if test="kw:text($description) != ''">
          <cause><system>text</system><text><xsl:value-of select="substring(kw:text($description), 1, 256)"/></text></cause>
        </xsl:if>
        <xsl:choose>
          <xsl:when test="kw:text($method) != ''">
            <certification><xsl:copy-of select="kw:coded('type', 'certification-type', $method, 'http://opencrvs.org/specs/cause-of-death-method')"/></certification>
          </xsl:when>
          <xsl:when test="$established = 'false'">
            <certification><type original="false" originalSystem="http://opencrvs.org/specs/cause-of-death-established">none</type></certification>
          </xsl:when>
          <xsl:when test="$established = 'true'">
            <certification><type original="true" originalSystem="http://opencrvs.org/specs/cause-of-death-established">unknown</type></certification>
          </xsl:when>
        </xsl:choose>
        <xsl:copy-of select="kw:coded('mannerOfDeath', 'manner-of-death', string($manner), 'http://opencrvs.org/specs/manner-of-death')"/>
      </death>
    </xsl:if>
  </xsl:template>

  <xsl:template name="marriage">
    <xsl:param name="observations"/>
    <xsl:variable name="type"><xsl:call-template name="observed"><xsl:with-param name="observations" select="$observations"/><xsl:with-param name="code" select="'partnership'"/></xsl:call-template></xsl:variable>
    <xsl:if test="kw:text($type) != ''">
      <marriage><xsl:copy-of select="kw:coded('type', 'marriage-type', string($type), 'http://opencrvs.org/specs/type-of-marriage')"/></marriage>
    </xsl:if>
  </xsl:template>

  <!-- Answers to the country's own questions, observations that have no field here, and reasons of the register's workflow. -->
  <xsl:template name="notes">
    <xsl:param name="resources"/>
    <xsl:param name="observations"/>
    <xsl:for-each select="$resources[j:string[@key = 'resourceType'] = 'QuestionnaireResponse']/j:array[@key = 'item']/j:map[kw:text(j:array[@key = 'answer']/j:map[1]/*[1]) != '']">
      <note><xsl:value-of select="concat(kw:text(j:string[@key = 'text']), ': ', kw:text(j:array[@key = 'answer']/j:map[1]/*[1]))"/></note>
    </xsl:for-each>
    <xsl:for-each select="$observations[j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = 'num-male-dependents-on-deceased' or j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = 'num-female-dependents-on-deceased' or j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = 'informant-type']">
      <xsl:variable name="value"><xsl:call-template name="observed"><xsl:with-param name="observations" select="."/><xsl:with-param name="code" select="j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code']"/></xsl:call-template></xsl:variable>
      <xsl:if test="kw:text($value) != ''">
        <note><xsl:value-of select="concat(j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'], ': ', kw:text($value))"/></note>
      </xsl:if>
    </xsl:for-each>
    <xsl:for-each select="$resources[j:string[@key = 'resourceType'] = 'Task' or j:string[@key = 'resourceType'] = 'TaskHistory'][kw:text(j:map[@key = 'statusReason']/j:string[@key = 'text']) != '']">
      <note><xsl:value-of select="concat(j:map[@key = 'businessStatus']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'], ' ', j:string[@key = 'lastModified'], ': ', kw:text(j:map[@key = 'statusReason']/j:string[@key = 'text']))"/></note>
    </xsl:for-each>
  </xsl:template>
</xsl:stylesheet>
